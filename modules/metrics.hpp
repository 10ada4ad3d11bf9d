// How close a reconstructed image is to the fully sampled one.
//
//   e = image - target (complex),  rmse = sqrt(mean |e|^2),  peak = max |target|
//   psnr  = 20 log10(peak / rmse) [dB]          nrmse = rmse / sqrt(mean |target|^2)
//   psnr_magnitude, nrmse_magnitude: the same with e = |image| - |target|
//   ssim  = structural similarity of the magnitudes (Wang et al., IEEE TIP 13(4), 2004): Gaussian window of sigma 1.5 on 11 x 11
//           pixels, population covariance, K1 = 0.01, K2 = 0.03, dynamic range = peak, mean over the pixels at least 5 from the
//           edge. Of a volume, a series of frames or several sets it is the mean over all planes (y, x), all with the peak of the
//           whole array as dynamic range; everything else is over the whole array at once.
//
// All sums are in double and in a fixed order: the same images give the same bits for any number of threads.
#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <string>

#include "core/array.hpp"

namespace gleam::modules {

// Edge cases, decided once:
//   identical images           psnr = +infinity (a file format without infinity has to choose its own word), nrmse = 0, ssim = 1
//   target zero, image not     psnr = -infinity, nrmse = +infinity, ssim = 0
//   NaN or infinity anywhere   all five scores are NaN
//   an axis below 11 pixels    ssim mirrors the image at the two ends of that axis (the edge pixel is repeated) and crops nothing
//   there
struct Scores {
    double psnr = 0;             // dB
    double ssim = 0;             // -1 .. 1
    double nrmse = 0;            // 0 .. infinity
    double psnr_magnitude = 0;   // dB
    double nrmse_magnitude = 0;  // 0 .. infinity
};

// Scores of one image [height, width] against its target, both dense in host memory. Throws ShapeError when a size is not
// positive.
Scores score(const std::complex<float>* image, const std::complex<float>* target, std::int64_t height, std::int64_t width);

// The same for one sample of any dimension: arrays whose last two axes are y and x, or with seven axes y, x and sets. Throws
// ShapeError when the shapes differ, have fewer than two axes or no pixels.
Scores score(const ComplexArray& image, const ComplexArray& target);

// Mean and sample standard deviation (divisor n - 1; 0 for one value) of the finite values; the others are only counted.
// Without any finite value both are NaN.
struct Spread {
    double mean = 0;
    double deviation = 0;
    std::int64_t count = 0;     // finite values: what the two numbers above are made of
    std::int64_t left_out = 0;  // NaN and infinities

    std::string str(int decimals = 2) const;  // "38.21 ± 0.47", with " (2 of 16 left out)" behind it when there are any
};

Spread spread(std::span<const double> values);

}  // namespace gleam::modules
