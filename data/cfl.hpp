// BART's .cfl/.hdr pairs: dimensions as text, first one fastest, and complex64 values, little-endian.
//
// A path may be given as "scan", "scan.cfl" or "scan.hdr".
#pragma once

#include <cstdint>
#include <vector>

#include "core/array.hpp"
#include "core/files.hpp"

namespace gleam::data {

// What stands on a dimension, by its place in the header (BART's convention).
enum class CflAxis : std::uint8_t { readout = 0, phase1 = 1, phase2 = 2, coil = 3, maps = 4, time = 10, slice = 13 };

struct CflHeader {
    fs::path base;                   // without extension
    std::vector<std::int64_t> dims;  // as in the header, fastest first, all at least 1

    std::int64_t size(CflAxis axis) const {
        const auto i = static_cast<std::size_t>(axis);
        return i < dims.size() ? dims[i] : 1;
    }
    std::int64_t elements() const;
};

// Reads the header and checks it against the size of the .cfl file. DataError: missing partner, garbage, wrong size.
CflHeader read_cfl_header(const fs::path& path);

// Elements [first, first + count) in the order of the file, as an array of one axis.
ComplexArray read_cfl_elements(const CflHeader& header, std::int64_t first, std::int64_t count);

// The whole array, slowest axis first: the header's dimensions reversed, without the trailing ones of the header. At most eight
// axes.
ComplexArray read_cfl(const fs::path& path);

// Writes both files; each is whole or absent. The header has at least 16 dimensions, as BART writes it.
void write_cfl(const fs::path& path, const ComplexArray& array);

}  // namespace gleam::data
