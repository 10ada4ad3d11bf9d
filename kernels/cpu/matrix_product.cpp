// A tile of c stays in registers while a and b stream by: per step of depth, `vectors` loads of b and `rows` numbers of a feed
// rows * vectors multiply-adds.
#include "kernels/cpu/matrix_product.hpp"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace gleam::kernels::cpu {
namespace {

constexpr int max_vectors = vector_registers == 32 ? 4 : 2;
// As many rows as leave registers for one row of b and one number of a. More than eight gain nothing, except beside a single
// vector, where eight are as many as multiply-adds on their way.
constexpr int max_rows(int vectors) { return std::min(vectors == 1 ? 24 : 8, (vector_registers - 1 - vectors) / vectors); }

struct TileTerms {
    std::int64_t depth, columns;  // columns: from one row of b or c to the next
    bool accumulate;
};

template <class Number>
using Tile = void (*)(const TileTerms&, const MatrixView<Number>& a, const Number* b, float* c);

template <class Number>
using Vector = std::conditional_t<std::is_same_v<Number, float>, Floats, Words>;

template <class Number, int rows, int vectors>
void tile(const TileTerms& terms, const MatrixView<Number>& a, const Number* b, float* c) {
    Floats sum[rows][vectors];
#pragma GCC unroll 24
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sum[r][v] = terms.accumulate ? load(c + r * terms.columns + v * lanes) : Floats{};
    for (std::int64_t part = 0; part < a.parts; ++part) {
        // Eight rows are reached from one address: few enough distances for the registers there are.
        const Number* p[(rows + 7) / 8];
#pragma GCC unroll 3
        for (int r = 0; r < rows; r += 8) p[r / 8] = a.data + part * a.part + r * a.row;
        for (std::int64_t k = 0; k < terms.depth; ++k, b += terms.columns) {
            Vector<Number> w[vectors];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) w[v] = load_vector<Vector<Number>>(b + v * lanes);
#pragma GCC unroll 24
            for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
                for (int v = 0; v < vectors; ++v) sum[r][v] = multiply_add(p[r / 8][r % 8 * a.row], w[v], sum[r][v]);
#pragma GCC unroll 3
            for (int r = 0; r < rows; r += 8) p[r / 8] += a.column;
        }
    }
#pragma GCC unroll 24
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) store(c + r * terms.columns + v * lanes, sum[r][v]);
}

// tiles<Number, v>[r - 1] has r rows of v vectors.
template <class Number, int vectors, int... r>
constexpr auto tiles_of(std::integer_sequence<int, r...>) {
    return std::array<Tile<Number>, sizeof...(r)>{tile<Number, r + 1, vectors>...};
}
template <class Number, int vectors>
constexpr auto tiles = tiles_of<Number, vectors>(std::make_integer_sequence<int, max_rows(vectors)>{});

template <class Number>
Tile<Number> tile_of(int rows, int vectors) {
    const auto r = static_cast<std::size_t>(rows - 1);
    if (vectors == 1) return tiles<Number, 1>[r];
    if (vectors == 2) return tiles<Number, 2>[r];
    if constexpr (max_vectors == 4) return vectors == 3 ? tiles<Number, 3>[r] : tiles<Number, 4>[r];
    return nullptr;
}

}  // namespace

template <class Number>
void matrix_product(std::int64_t rows, std::int64_t columns, std::int64_t depth, const MatrixView<Number>& a, const Number* b,
                    bool accumulate, float* c) {
    const TileTerms terms{depth, columns, accumulate};
    const std::int64_t vectors = columns / lanes, groups = (vectors + max_vectors - 1) / max_vectors;
    for (std::int64_t g = 0; g < groups; ++g) {
        const std::int64_t first = vectors * g / groups;
        const int width = static_cast<int>(vectors * (g + 1) / groups - first);
        const std::int64_t blocks = (rows + max_rows(width) - 1) / max_rows(width);
        for (std::int64_t i = 0; i < blocks; ++i) {
            const std::int64_t m = rows * i / blocks;
            const int height = static_cast<int>(rows * (i + 1) / blocks - m);
            tile_of<Number>(height, width)(terms, {a.data + m * a.row, a.row, a.column, a.parts, a.part}, b + first * lanes,
                                           c + m * columns + first * lanes);
        }
    }
}

template void matrix_product(std::int64_t, std::int64_t, std::int64_t, const MatrixView<float>&, const float*, bool, float*);
template void matrix_product(std::int64_t, std::int64_t, std::int64_t, const MatrixView<Bf16Pair>&, const Bf16Pair*, bool,
                             float*);

}  // namespace gleam::kernels::cpu
