// Guards that every reader shares: sizes that fit into memory, numbers that are numbers.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <complex>
#include <new>
#include <string>

#include "core/array.hpp"
#include "core/error.hpp"

namespace gleam::data {

// Bytes this process may still use: what the system has left, or less where a control group says so.
std::size_t available_memory();

// Product of the sizes times `bytes_per_element`. DataError when a size is negative, the product overflows or exceeds the
// available memory.
std::size_t checked_bytes(const std::string& where, const Shape& shape, std::size_t bytes_per_element);

// A zeroed array of this shape; DataError instead of an allocation that cannot succeed.
template <class T>
Array<T> allocate(const std::string& where, const Shape& shape) {
    checked_bytes(where, shape, sizeof(T));
    try {
        return Array<T>(shape);
    } catch (const std::bad_alloc&) {
        throw DataError(where, "does not fit into memory, shape " + shape.str(), "read a smaller part or free some memory");
    }
}

inline bool is_finite(float x) { return std::isfinite(x); }
inline bool is_finite(std::complex<float> x) { return std::isfinite(x.real()) && std::isfinite(x.imag()); }

// DataError naming the first element that is NaN or infinite.
template <class T>
void require_finite(const std::string& where, const Array<T>& array) {
    for (std::int64_t i = 0; i < array.elements(); ++i)
        if (!is_finite(array[i]))
            throw DataError(where, fmt::format("holds NaN or infinity (element {} of shape {})", i, array.shape.str()),
                            "export the data again");
}

}  // namespace gleam::data
