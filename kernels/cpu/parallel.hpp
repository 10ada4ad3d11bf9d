// Loops over OpenMP threads, and sums whose order does not depend on how many threads there are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gleam::kernels::cpu {

// f(first, last) on disjoint ranges of [0, n), at least `grain` long.
template <class F>
void parallel_ranges(std::int64_t n, std::int64_t grain, F&& f) {
    const std::int64_t ranges = std::max<std::int64_t>(1, n / std::max<std::int64_t>(grain, 1));
#pragma omp parallel for schedule(static) if (ranges > 1)
    for (std::int64_t r = 0; r < ranges; ++r) {
        const std::int64_t first = n * r / ranges, last = n * (r + 1) / ranges;
        if (first < last) f(first, last);
    }
}

// Waking a thread takes as long as some ten thousand elements.
inline constexpr std::int64_t elementwise_grain = 65536;

// Sum of partial(first, last) over blocks of fixed size, added in block order.
template <class F>
double ordered_sum(std::int64_t n, F&& partial) {
    constexpr std::int64_t block = 8192;
    const std::int64_t blocks = (n + block - 1) / block;
    std::vector<double> sums(static_cast<std::size_t>(blocks));
#pragma omp parallel for schedule(static) if (blocks > 4)
    for (std::int64_t b = 0; b < blocks; ++b)
        sums[static_cast<std::size_t>(b)] = partial(b * block, std::min(n, (b + 1) * block));
    double total = 0;
    for (double s : sums) total += s;
    return total;
}

// sums[k] = sum over channels-last pixels of f(index of the element), k the channel; over blocks of fixed size in order.
template <class F>
std::vector<double> channel_sums(std::int64_t pixels, std::int64_t channels, F&& f) {
    constexpr std::int64_t block = 1024;
    const std::int64_t blocks = (pixels + block - 1) / block;
    std::vector<double> partial(static_cast<std::size_t>(blocks * channels));
#pragma omp parallel for schedule(static) if (blocks > 1)
    for (std::int64_t b = 0; b < blocks; ++b) {
        double* sum = partial.data() + b * channels;
        for (std::int64_t i = b * block; i < std::min(pixels, (b + 1) * block); ++i)
            for (std::int64_t k = 0; k < channels; ++k) sum[k] += f(i * channels + k);
    }
    std::vector<double> sums(static_cast<std::size_t>(channels));
    for (std::int64_t b = 0; b < blocks; ++b)
        for (std::int64_t k = 0; k < channels; ++k)
            sums[static_cast<std::size_t>(k)] += partial[static_cast<std::size_t>(b * channels + k)];
    return sums;
}

}  // namespace gleam::kernels::cpu
