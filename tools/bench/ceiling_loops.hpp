// The two loops that find out what a machine can do at most: fused multiply-adds in registers, and copying memory.
#pragma once

#include <vector>

#include "tools/bench/timing.hpp"

namespace gleam::bench {

// Fused multiply-adds in f32 on all threads, as wide as the instruction set this was built for, on as many independent numbers
// as keep the units busy.
class FmaLoop {
public:
    explicit FmaLoop(std::int64_t rounds = 2'000'000) : rounds_(rounds) {}
    void run();
    Work work() const;
    // Largest deviation of the last run's numbers from what they must be.
    double error() const { return error_; }
    static int lanes();

private:
    std::int64_t rounds_;
    double error_ = 0;
};

// Copies an array to another with the C library's memcpy, each thread its own part.
class CopyLoop {
public:
    explicit CopyLoop(std::size_t bytes);
    void run();
    Work work() const { return {0, 2.0 * static_cast<double>(from_.size()) * sizeof(float)}; }  // read and written
    // Number of elements that are not what they must be.
    std::size_t wrong() const;

private:
    std::vector<float> from_, to_;
};

}  // namespace gleam::bench
