// A view of dense numbers on a device: no ownership, no strides. Who owns the bytes is said by an arena lease or an Array.
//
// Axes by convention (docs/concepts.md): images, k-space and maps are complex [batch, time, coil, z, y, x] with missing axes of
// length 1; what a network sees is real and channels-last, [batch, depth, height, width, channel].
// Like std::span, constness is that of the view: a const Tensor& may be written through. Outputs come last in argument lists.
#pragma once

#include "core/dtype.hpp"
#include "core/shape.hpp"

namespace gleam {

enum class DeviceKind : std::uint8_t { cpu, cuda, emu };

struct Device {
    DeviceKind kind = DeviceKind::cpu;
    int index = 0;
    friend bool operator==(const Device&, const Device&) = default;
};

// "cpu", "cuda:0", "emu"
inline std::string name_of(const Device& d) {
    return d.kind == DeviceKind::cpu ? "cpu" : d.kind == DeviceKind::emu ? "emu" : "cuda:" + std::to_string(d.index);
}

struct Tensor {
    void* data = nullptr;  // null while memory is only being planned
    DType dtype = DType::f32;
    Shape shape;
    Device device;

    std::int64_t elements() const { return shape.elements(); }
    std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype); }

    // The elements as T; throws ShapeError when T is not what is stored, or the host cannot reach it.
    template <class T>
    T* as() const {
        if (device.kind != DeviceKind::cpu) throw ShapeError("Tensor", "its numbers live on " + name_of(device));
        if (dtype != dtype_of<T>)
            throw ShapeError("Tensor", std::string("stored as ") + name_of(dtype) + ", asked for as " + name_of(dtype_of<T>));
        return static_cast<T*>(data);
    }

    // The same bytes under another shape of equally many elements.
    Tensor reshaped(const Shape& other) const {
        if (other.elements() != elements()) throw ShapeError("Tensor", "cannot reshape " + shape.str() + " to " + other.str());
        Tensor t = *this;
        t.shape = other;
        return t;
    }

    // A complex tensor as real numbers with a last axis (re, im), and back.
    Tensor as_real() const {
        if (!is_complex(dtype)) throw ShapeError("Tensor", "as_real needs complex numbers");
        Tensor t = *this;
        t.dtype = real_of(dtype);
        t.shape.append(2);
        return t;
    }

    // The same bytes under the shape and type of `like`, which must take as many.
    Tensor viewed_as(const Tensor& like) const {
        if (like.bytes() != bytes()) throw ShapeError("Tensor", "cannot view " + shape.str() + " as " + like.shape.str());
        Tensor t = like;
        t.data = data;
        t.device = device;
        return t;
    }

    // Entries [first, first + count) of the slowest axis.
    Tensor slice(std::int64_t first, std::int64_t count = 1) const {
        if (first < 0 || count < 0 || first + count > shape[0]) throw ShapeError("Tensor", "slice outside " + shape.str());
        Tensor t = *this;
        t.shape[0] = count;
        const std::int64_t stride = shape[0] ? elements() / shape[0] : 0;
        if (data) t.data = static_cast<char*>(data) + static_cast<std::size_t>(first * stride) * size_of(dtype);
        return t;
    }
};

// A view of host numbers kept elsewhere.
template <class T>
Tensor view_of(T* data, const Shape& shape) {
    return Tensor{data, dtype_of<T>, shape, Device{}};
}

}  // namespace gleam
