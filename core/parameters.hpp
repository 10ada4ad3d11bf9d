// The trainable numbers of one stage: named tensors in four flat buffers (values, gradients, two moments), so that the optimiser
// is one operation and a checkpoint four reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/arena.hpp"
#include "core/tensor.hpp"

namespace gleam {

struct Parameter {
    Tensor value, gradient;
};

class ParameterPack {
public:
    struct Entry {
        std::string name;  // e.g. "unroll3/resnet/block0/conv0/weight"
        Shape shape;
        std::int64_t offset;   // in the flat buffers, elements
        double bound;          // initial values are uniform within `bound` of `center`
        double center;
        std::uint32_t stream;  // names the random stream of the initial values, together with `index`
        std::uint32_t index;
    };

    ParameterPack(DType dtype, Device device) : dtype_(dtype), device_(device) {}

    // Registers a tensor; returns the number by which parameter() finds it. Before bind() only.
    int add(std::string name, const Shape& shape, double bound, std::uint32_t stream, std::uint32_t index, double center = 0);

    const std::vector<Entry>& entries() const { return entries_; }
    std::int64_t elements() const { return elements_; }
    DType dtype() const { return dtype_; }

    // Bytes of the flat buffers; `training` adds gradients and moments.
    std::size_t bytes(bool training) const;
    // Takes its buffers from `memory` (null while planning).
    void bind(void* memory, bool training);

    Parameter parameter(int number) const;
    Tensor value(const Entry& entry) const { return part(values_, entry); }

    const Tensor& values() const { return values_; }
    const Tensor& gradients() const { return gradients_; }
    const Tensor& first_moments() const { return first_moments_; }
    const Tensor& second_moments() const { return second_moments_; }

    // The initial values of the whole pack as host numbers: uniform, fan-in bound (the default of common frameworks).
    std::vector<double> initial_values(std::uint64_t seed) const;

private:
    Tensor part(const Tensor& flat, const Entry& entry) const;
    std::size_t flat_bytes() const;

    DType dtype_;
    Device device_;
    std::vector<Entry> entries_;
    std::int64_t elements_ = 0;
    Tensor values_, gradients_, first_moments_, second_moments_;
};

}  // namespace gleam
