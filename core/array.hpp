// Host numbers that own their memory: what readers, masks and simulators produce. Dense, slowest axis first.
#pragma once

#include <complex>
#include <vector>

#include "core/tensor.hpp"

namespace gleam {

template <class T>
struct Array {
    Shape shape;
    std::vector<T> values;

    Array() = default;
    explicit Array(const Shape& s) : shape(s), values(static_cast<std::size_t>(s.elements())) {}

    std::int64_t elements() const { return static_cast<std::int64_t>(values.size()); }
    bool empty() const { return values.empty(); }
    T* data() { return values.data(); }
    const T* data() const { return values.data(); }
    T& operator[](std::int64_t i) { return values[static_cast<std::size_t>(i)]; }
    const T& operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }

    // Pointer to entry i of the slowest axis.
    T* slice(std::int64_t i) { return data() + i * (elements() / shape[0]); }
    const T* slice(std::int64_t i) const { return data() + i * (elements() / shape[0]); }

    // A tensor view for operations; const because a view's constness says nothing about its elements.
    Tensor view() const { return view_of(const_cast<T*>(values.data()), shape); }
    Tensor view(const Shape& as) const { return view().reshaped(as); }
};

using RealArray = Array<float>;
using ComplexArray = Array<std::complex<float>>;

}  // namespace gleam
