// Sizes of a dense tensor, slowest axis first. At most eight axes, kept in place.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/error.hpp"

namespace gleam {

class Shape {
public:
    static constexpr int max_rank = 8;

    Shape() = default;
    Shape(std::initializer_list<std::int64_t> sizes) {
        for (std::int64_t n : sizes) append(n);
    }

    int rank() const { return rank_; }
    std::int64_t operator[](int axis) const { return sizes_[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis)]; }
    std::int64_t& operator[](int axis) { return sizes_[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis)]; }
    const std::int64_t* begin() const { return sizes_.data(); }
    const std::int64_t* end() const { return sizes_.data() + rank_; }

    std::int64_t elements() const {
        std::int64_t n = 1;
        for (std::int64_t s : *this) n *= s;
        return n;
    }

    void append(std::int64_t size) {
        if (rank_ == max_rank) throw ShapeError("Shape", "more than 8 axes");
        sizes_[static_cast<std::size_t>(rank_++)] = size;
    }

    friend bool operator==(const Shape& a, const Shape& b) {
        return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
    }

    // "[2, 8, 128, 128]"
    std::string str() const {
        std::string text = "[";
        for (int i = 0; i < rank_; ++i) text += (i ? ", " : "") + std::to_string((*this)[i]);
        return text + "]";
    }

private:
    std::array<std::int64_t, max_rank> sizes_{};
    int rank_ = 0;
};

}  // namespace gleam
