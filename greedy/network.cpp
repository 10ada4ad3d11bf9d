#include "greedy/network.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"

namespace gleam::greedy {

Network::Network(const NetworkOptions& options, Device device, const ParameterBuffers& buffers)
    : options_(options), buffers_(buffers) {
    if (options.stages < 1 || options.unrolls < 1 || options.unrolls % options.stages != 0)
        throw ConfigError("training.modules",
                          fmt::format("{} unrolls cannot be cut into {} modules", options.unrolls, options.stages),
                          "choose a number of modules that divides model.unrolls");
    if (options.share_weights && options.stages > 1)
        throw ConfigError("model.share_weights", "greedy modules cannot share weights",
                          "each module is trained by its own loss and optimiser; use training.strategy end_to_end");
    const int per_stage = options.unrolls / options.stages;
    stages_.reserve(static_cast<std::size_t>(options.stages));
    const int count = options.stage_count ? options.stage_count : options.stages;
    for (int s = options.first_stage; s < options.first_stage + count; ++s)
        stages_.emplace_back(options.unroll, s * per_stage, per_stage, options.share_weights, options.dtype, device, buffers);
}

std::size_t Network::parameter_bytes() const {
    std::size_t bytes = 0;
    for (const Stage& stage : stages_) bytes += stage.parameters().bytes(buffers_);
    return bytes + shared_bytes();
}

std::size_t Network::shared_bytes() const {
    std::size_t largest = 0;
    for (const Stage& stage : stages_) largest = std::max(largest, stage.parameters().flat_bytes());
    return buffers_.shared_gradients ? largest : 0;
}

void Network::materialize(kernels::Operations& ops, std::uint64_t seed) {
    parameters_.reserve(parameter_bytes());
    parameters_.grant(ops.allocator(), "lower model.unrolls or model.regularizer.features");
    char *const shared = static_cast<char*>(parameters_.data()), *memory = shared + shared_bytes();
    for (Stage& stage : stages_) {
        ParameterPack& pack = stage.parameters();
        pack.bind(memory, buffers_, shared);
        memory += pack.bytes(buffers_);
        const std::vector<double> initial = pack.initial_values(seed);
        with_real(pack.dtype(), [&](auto zero) {
            std::vector<decltype(zero)> values(initial.begin(), initial.end());
            ops.copy(view_of(values.data(), pack.values().shape), pack.values());
        });
        if (buffers_.gradients) ops.fill_zero(pack.gradients());
        for (const Tensor& moment : pack.moments()) ops.fill_zero(moment);
        if (buffers_.average) ops.copy(pack.values(), pack.average());
    }
}

std::int64_t Network::parameter_count() const {
    std::int64_t count = 0;
    for (const Stage& stage : stages_) count += stage.parameters().elements();
    return count;
}

}  // namespace gleam::greedy
