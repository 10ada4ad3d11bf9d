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

// Elements from one row, plane and volume to the next.
struct Layout {
    std::int64_t row, plane, volume;
};

inline Layout dense(const Volume& v) { return {v.x, v.y * v.x, v.elements()}; }

// How a volume lies while it is transformed: every row starts on a 64-byte line, and rows and planes are a line further apart
// than they need be. At the distances of powers of two that images have, the columns of a dense volume fall onto the same few
// lines of the cache, which makes a transform up to ten times slower (docs/adr/005-fftw-estimate.md).
template <class T>
Layout padded(const Volume& v) {
    constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(std::complex<T>));
    const std::int64_t row = (v.x + line - 1) / line * line + line, plane = v.y * row + line;
    return {row, plane, v.z * plane};
}

// A planned transform in place, of a padded volume, without scale or shift. Plans are made once per size, axes and direction,
// without timing (so that two runs use the same algorithm and give the same bits), and shared by all threads. `data` must start
// on a 64-byte line.
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
void shifted_copy(const Volume& v, Shift shift, T scale, const std::complex<T>* from, const Layout& from_layout,
                  std::complex<T>* to, const Layout& to_layout);

std::string fourier_library_version();

}  // namespace gleam::kernels::cpu
