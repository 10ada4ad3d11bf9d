// The trainable numbers of one stage: named tensors in flat buffers (values; for training also gradients and what the optimiser
// carries along), so that an update is one operation and a checkpoint a few reads.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/arena.hpp"
#include "core/tensor.hpp"

namespace gleam {

struct Parameter {
    Tensor value, gradient;
};

// Which flat buffers there are beside the values. The default is what inference needs.
struct ParameterBuffers {
    bool gradients = false;
    bool shared_gradients = false;  // the same bytes for all packs of a network: each is updated before the next begins
    int moments = 0;       // of the optimiser; at most 2
    bool average = false;  // running average of the values

    std::size_t count() const { return 1 + std::size_t(gradients && !shared_gradients) + std::size_t(moments) + std::size_t(average); }
};

class ParameterPack {
public:
    struct Entry {
        std::string name;  // e.g. "unroll3/resnet/block0/conv0/weight"
        Shape shape;
        std::int64_t offset;  // in the flat buffers, elements
        double bound;         // initial values are uniform within `bound` of `center`
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

    // Bytes of the values and of these other flat buffers, without a shared one; and of one flat buffer.
    std::size_t bytes(const ParameterBuffers& buffers) const { return flat_bytes() * buffers.count(); }
    std::size_t flat_bytes() const;
    // Takes its buffers from `memory`, but shared gradients from `shared` (null while planning). Buffers that are not asked for
    // become empty tensors.
    void bind(void* memory, const ParameterBuffers& buffers, void* shared = nullptr);

    Parameter parameter(int number) const;
    Tensor value(const Entry& entry) const { return part(values_, entry); }

    const Tensor& values() const { return values_; }
    const Tensor& gradients() const { return gradients_; }
    std::span<const Tensor> moments() const { return {moments_.data(), static_cast<std::size_t>(buffers_.moments)}; }
    const Tensor& average() const { return average_; }
    const ParameterBuffers& buffers() const { return buffers_; }

    // Lets values and average change places: what computes with this pack then computes with the average.
    void swap_average() { std::swap(values_, average_); }

    // The initial values of the whole pack as host numbers: uniform, fan-in bound (the default of common frameworks).
    std::vector<double> initial_values(std::uint64_t seed) const;

private:
    Tensor part(const Tensor& flat, const Entry& entry) const;

    DType dtype_;
    Device device_;
    std::vector<Entry> entries_;
    std::int64_t elements_ = 0;
    ParameterBuffers buffers_;
    Tensor values_, gradients_, average_;
    std::array<Tensor, 2> moments_;
};

}  // namespace gleam
