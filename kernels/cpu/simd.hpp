// Vectors as wide as the machine the compiler was told of, through the compiler's own vector type.
#pragma once

#include <cstdint>
#include <cstring>

namespace gleam::kernels::cpu {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64, vector_registers = 32;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32, vector_registers = 16;
#elif defined(__aarch64__)
inline constexpr int vector_bytes = 16, vector_registers = 32;
#else
inline constexpr int vector_bytes = 16, vector_registers = 16;
#endif

using Floats [[gnu::vector_size(vector_bytes)]] = float;
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(float));

inline Floats load(const float* p) {
    Floats v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
inline void store(float* p, Floats v) { std::memcpy(p, &v, sizeof v); }

// 0, 1, 2, ...
inline Floats lane_numbers() {
    Floats v;
    for (int i = 0; i < lanes; ++i) v[i] = static_cast<float>(i);
    return v;
}

// n rounded up to whole vectors
constexpr std::int64_t whole_vectors(std::int64_t n) { return (n + lanes - 1) / lanes * lanes; }

}  // namespace gleam::kernels::cpu
