// Fourier transforms of many lines at once, one per lane of a vector: no number ever has to change its lane.
//
// Forward: decimation in frequency, natural order in, permuted order out. Inverse: the same steps backwards, permuted order in,
// natural order out. Both work in place; what stands between them, a multiplication by a mask, reads the mask in the permuted
// order, so that nothing is ever put in order. (Gentleman & Sande 1966; Cooley & Tukey 1965.)
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace gleam::kernels::cpu {

template <class T>
class LineFourier {
public:
    // Null for lengths with a prime factor above 31. Made once per length; shared by all threads.
    static const LineFourier* get(std::int64_t length);

    std::int64_t length() const { return length_; }
    // Which frequency stands at a place of the permuted order.
    std::int64_t frequency(std::int64_t place) const { return frequencies_[static_cast<std::size_t>(place)]; }

    // data: [length] pairs (lanes.hpp), on a 64-byte line. Without scale or shift.
    void forward(T* data) const { run(data, 0, stages_.size(), length_, false); }
    void inverse(T* data) const { run(data, 0, stages_.size(), length_, true); }
    // Forward, times real factors [length] in the permuted order, and inverse; `per_lane`: a vector of factors for every place.
    // Forward's last step and inverse's first are one, in registers.
    void multiply(T* data, const T* factors, bool per_lane) const;

private:
    struct Stage {
        int radix;
        std::int64_t block;       // points that the stage takes apart into `radix` parts
        std::vector<T> twiddles;  // [block / radix, radix - 1] of (cos, -sin)
        std::vector<T> roots;     // of unity, [radix] of (cos, sin)
    };

    explicit LineFourier(std::int64_t length);
    // Stages [first, last)
    void run(T* data, std::size_t first, std::size_t last, std::int64_t points, bool inverse) const;
    static void apply(const Stage& stage, T* data, std::int64_t points, bool inverse);

    std::int64_t length_;
    std::vector<Stage> stages_;
    std::vector<std::int64_t> frequencies_;
};

}  // namespace gleam::kernels::cpu
