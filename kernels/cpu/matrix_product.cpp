// A tile of c stays in registers while a and b stream by: per step of depth, `vectors` loads of b and `rows` numbers of a feed
// rows * vectors multiply-adds.
#include "kernels/cpu/matrix_product.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/cpu/simd.hpp"

namespace gleam::kernels::cpu {
namespace {

constexpr int max_vectors = vector_registers == 32 ? 4 : 2;
// As many rows as leave registers for one row of b and one number of a; more than eight gain nothing.
constexpr int max_rows(int vectors) { return std::min(8, (vector_registers - 1 - vectors) / vectors); }

struct TileTerms {
    std::int64_t depth, columns;  // columns: from one row of b or c to the next
    bool accumulate;
};

using Tile = void (*)(const TileTerms&, const MatrixView& a, const float* b, float* c);

template <int rows, int vectors>
void tile(const TileTerms& terms, const MatrixView& a, const float* b, float* c) {
    Floats sum[rows][vectors];
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sum[r][v] = terms.accumulate ? load(c + r * terms.columns + v * lanes) : Floats{};
    const float* p = a.data;
    for (std::int64_t k = 0; k < terms.depth; ++k, p += a.column, b += terms.columns) {
        Floats w[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) w[v] = load(b + v * lanes);
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) sum[r][v] += p[r * a.row] * w[v];
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) store(c + r * terms.columns + v * lanes, sum[r][v]);
}

// tiles<v>[r - 1] has r rows of v vectors.
template <int vectors, int... r>
constexpr auto tiles_of(std::integer_sequence<int, r...>) {
    return std::array<Tile, sizeof...(r)>{tile<r + 1, vectors>...};
}
template <int vectors>
constexpr auto tiles = tiles_of<vectors>(std::make_integer_sequence<int, max_rows(vectors)>{});

Tile tile_of(int rows, int vectors) {
    const auto r = static_cast<std::size_t>(rows - 1);
    if (vectors == 1) return tiles<1>[r];
    if (vectors == 2) return tiles<2>[r];
    if constexpr (max_vectors == 4) return vectors == 3 ? tiles<3>[r] : tiles<4>[r];
    return nullptr;
}

}  // namespace

void matrix_product(std::int64_t rows, std::int64_t columns, std::int64_t depth, const MatrixView& a, const float* b, bool accumulate,
                    float* c) {
    const TileTerms terms{depth, columns, accumulate};
    const std::int64_t vectors = columns / lanes, groups = (vectors + max_vectors - 1) / max_vectors;
    for (std::int64_t g = 0; g < groups; ++g) {
        const std::int64_t first = vectors * g / groups;
        const int width = static_cast<int>(vectors * (g + 1) / groups - first);
        for (std::int64_t m = 0; m < rows;) {
            const int height = static_cast<int>(std::min<std::int64_t>(max_rows(width), rows - m));
            tile_of(height, width)(terms, {a.data + m * a.row, a.row, a.column}, b + first * lanes,
                                   c + m * columns + first * lanes);
            m += height;
        }
    }
}

}  // namespace gleam::kernels::cpu
