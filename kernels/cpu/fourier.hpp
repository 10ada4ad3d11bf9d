// Uncentred FFTs of one volume, in place. FFTW stands behind this interface and nowhere else (it is GPL; see README).
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/terms.hpp"

namespace gleam::kernels::cpu {

// Sizes of one transform, slowest first; a two-dimensional one has z = 1.
struct Volume {
    std::int64_t z = 1, y = 1, x = 1;
    std::int64_t elements() const { return z * y * x; }
    friend auto operator<=>(const Volume&, const Volume&) = default;
};

// Which axes of a volume are transformed.
struct Axes {
    bool z = true, y = true, x = true;
    friend auto operator<=>(const Axes&, const Axes&) = default;
};

// Elements from one volume to the next so that each starts on a 64-byte line, as the plans require.
template <class T>
std::int64_t volume_stride(const Volume& v) {
    constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(std::complex<T>));
    return (v.elements() + line - 1) / line * line;
}

// A planned transform without scale or shift. Plans are made once per size, axes and direction, without timing (so that two runs use
// the same algorithm and give the same bits), and shared by all threads. `data` must start on a 64-byte line.
template <class T>
class FourierPlan {
public:
    static const FourierPlan& get(const Volume& volume, const Axes& axes, FftDirection direction);
    void execute(std::complex<T>* data) const;

private:
    FourierPlan() = default;
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

enum class Shift : std::uint8_t { none, before, after };

// Copies a volume with the shift before (ifftshift) or after (fftshift) a centred transform, times `scale`.
template <class T>
void shifted_copy(const Volume& v, Shift shift, T scale, const std::complex<T>* from, std::complex<T>* to);

std::string fourier_library_version();

}  // namespace gleam::kernels::cpu
