// The mean over replicas, in a fixed order of sums.
#pragma once

#include <functional>
#include <vector>

#include "greedy/parallel/ports.hpp"
#include "kernels/operations.hpp"

namespace gleam::greedy {

// out = the mean of `parts`, summed in their order.
void mean_in_order(kernels::Operations& ops, const std::vector<Tensor>& parts, const Tensor& out);

// Sends outgoing[m] to peer m and receives incoming[m] from it, for all but oneself.
using Exchange = std::function<void(const std::vector<Tensor>& outgoing, const std::vector<Tensor>& incoming)>;

// values = the mean over `count` peers, of which this is number `own`: each takes a share of the numbers, gets it from all,
// averages it in their order, and sends it to all. `scratch`: of share_scratch_bytes(). All memory is that of the device of
// `ops`.
void average_by_shares(kernels::Operations& ops, const Tensor& values, int own, int count, void* scratch,
                       std::size_t scratch_bytes, const Exchange& exchange);
// For gradients of at most so many bytes.
constexpr std::size_t share_scratch_bytes(std::size_t gradient_bytes, int count) {
    return gradient_bytes + static_cast<std::size_t>(count) * memory_alignment;
}

}  // namespace gleam::greedy
