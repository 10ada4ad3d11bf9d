#include "tools/bench/ceiling_loops.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/simd.hpp"

namespace gleam::bench {
namespace {

using Vector = kernels::cpu::Floats;
// Two units with a latency of four or five cycles need ten numbers under way; twelve and two constants fit sixteen registers.
constexpr int chains = 12;
constexpr float factor = 0.9375F, offset = 0.0625F;  // x <- factor x + offset goes to 1, up to rounding

// Runs x <- factor x + offset on every chain; returns the sum of all chains, lane by lane.
Vector multiply_add(std::int64_t rounds, Vector start, Vector a, Vector b) {
    Vector x[chains];
    for (int i = 0; i < chains; ++i) x[i] = start + static_cast<float>(i);
    for (std::int64_t r = 0; r < rounds; ++r)
        for (int i = 0; i < chains; ++i) x[i] = x[i] * a + b;
    Vector sum = x[0];
    for (int i = 1; i < chains; ++i) sum += x[i];
    return sum;
}

}  // namespace

int FmaLoop::lanes() { return kernels::cpu::lanes; }

void FmaLoop::run() {
    // The compiler must not know the numbers.
    volatile const float a = factor, b = offset, start = 2;
    double error = 0;
#pragma omp parallel reduction(max : error)
    {
        const Vector zero{};
        const Vector sum = multiply_add(rounds_, zero + start, zero + a, zero + b);
        for (int lane = 0; lane < kernels::cpu::lanes; ++lane)
            error = std::max(error, std::abs(static_cast<double>(sum[lane]) / chains - 1));
    }
    error_ = error;
}

Work FmaLoop::work() const {
    return {2.0 * static_cast<double>(rounds_) * chains * kernels::cpu::lanes * kernels::thread_count(), 0};
}

CopyLoop::CopyLoop(std::size_t bytes) : from_(bytes / sizeof(float)), to_(bytes / sizeof(float)) {
    for (std::size_t i = 0; i < from_.size(); ++i) from_[i] = static_cast<float>(i % 1024);
}

void CopyLoop::run() {
    const auto n = static_cast<std::int64_t>(from_.size());
    const std::int64_t threads = kernels::thread_count();
#pragma omp parallel for schedule(static)
    for (std::int64_t t = 0; t < threads; ++t) {
        const auto first = static_cast<std::size_t>(n * t / threads), last = static_cast<std::size_t>(n * (t + 1) / threads);
        std::memcpy(to_.data() + first, from_.data() + first, (last - first) * sizeof(float));
    }
}

std::size_t CopyLoop::wrong() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < to_.size(); ++i) count += to_[i] != static_cast<float>(i % 1024);
    return count;
}

}  // namespace gleam::bench
