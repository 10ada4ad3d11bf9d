#include "greedy/parallel/averaging.hpp"

#include "core/error.hpp"

namespace gleam::greedy {

void mean_in_order(kernels::Operations& ops, const std::vector<Tensor>& parts, const Tensor& out) {
    const double share = 1.0 / static_cast<double>(parts.size());
    if (parts.size() == 1) return ops.copy(parts.front(), out);
    ops.linear_combination(1, parts[0], 1, parts[1], out);
    for (std::size_t i = 2; i < parts.size(); ++i) ops.linear_combination(1, out, 1, parts[i], out);
    ops.linear_combination(share, out, 0, out, out);
}

void average_by_shares(kernels::Operations& ops, const Tensor& values, int own, int count, void* scratch,
                       std::size_t scratch_bytes, const Exchange& exchange) {
    const std::int64_t all = values.shape.elements(), element = static_cast<std::int64_t>(size_of(values.dtype));
    const auto begin = [&](int m) { return all * m / count; };
    const auto share = [&](int m, void* data) {
        return Tensor{data, values.dtype, Shape{begin(m + 1) - begin(m)}, values.device};
    };
    std::vector<Tensor> shares, own_parts;
    for (int m = 0; m < count; ++m) shares.push_back(share(m, static_cast<char*>(values.data) + begin(m) * element));
    const Tensor mine = shares[static_cast<std::size_t>(own)];
    if (static_cast<std::size_t>(count) * mine.bytes() > scratch_bytes)
        throw InternalError("replicas", "a gradient is larger than planned");
    for (int m = 0; m < count; ++m)
        own_parts.push_back(m == own ? mine
                                     : share(own, static_cast<char*>(scratch) + static_cast<std::size_t>(m) * mine.bytes()));
    exchange(shares, own_parts);
    if (mine.bytes() > 0) {  // into scratch memory first, since it is read meanwhile
        const Tensor mean = own_parts[own == 0 ? 1 : 0];
        mean_in_order(ops, own_parts, mean);
        ops.copy(mean, mine);
    }
    exchange(std::vector<Tensor>(static_cast<std::size_t>(count), mine), shares);
}

}  // namespace gleam::greedy
