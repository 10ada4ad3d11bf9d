// How much work operations are: floating-point operations and bytes, counted from shapes alone while planning.
//
// Bytes are the compulsory ones: each operand read once and each result written once, however often a cache has to fetch them
// again. Times made of these numbers are estimates. Per element, with a multiplication and an addition as two operations:
//
//   convolution, …_data, …_weights_acc   2 N D' H' W' K_out K_in taps, multiplications by zeros beyond the border included
//   fft                                  5 n log2 n per transform of n elements; over some axes only, 5 n log2(their lengths)
//   sense_normal                         both transforms of every coil image, 16 per coil, pixel and set for the maps, 2 per
//                                        k-space sample for the mask, 8 per pixel and set for the sum
//   coil_expand, coil_combine            8 per coil, pixel and set
//   losses                               10 per pixel; ssim: 5 windowed means of 22 taps, and as much for the gradient
//   wavelet                              32 per pixel, level and axis
//   leading_eigenvectors                 8 C^2 per point and iteration, as if no point came to rest before the last one
//   random_uniform, random_normal        20 per number for ten rounds of Philox, and 2 or 20 for its distribution
//   others                               the few operations their definition has per real number
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ceilings.hpp"
#include "kernels/terms.hpp"

namespace gleam::kernels {

// sense: everything between images and k-space; border: borders, activations and normalisation.
enum class WorkKind : std::uint8_t { convolution, sense, border, vectors, loss, optimizer };
inline constexpr WorkKind work_kinds[] = {WorkKind::convolution, WorkKind::sense, WorkKind::border,
                                          WorkKind::vectors,     WorkKind::loss,  WorkKind::optimizer};
const char* name_of(WorkKind kind);

using gleam::Ceilings;

struct WorkItem {
    std::string operation;
    WorkKind kind = WorkKind::vectors;
    double calls = 0, flops = 0, bytes = 0;  // of all calls together

    // What the calls take if arithmetic and memory are both at their ceilings at the same time, in seconds.
    double seconds(const Ceilings& ceilings) const;
};

class WorkLog {
public:
    // What follows counts `times` times.
    void set_repeats(double times) { repeats_ = times; }
    void add(WorkKind kind, const char* operation, double flops, double bytes);

    // Calls of the same operation and amount are one item.
    const std::vector<WorkItem>& items() const { return items_; }
    double flops() const;
    double bytes() const;
    double seconds(const Ceilings& ceilings) const;

    // The same summed up per operation and per kind, in the order of the first call and of work_kinds.
    std::vector<WorkItem> by_operation() const;
    std::vector<WorkItem> by_kind() const;

private:
    std::vector<WorkItem> items_;
    double repeats_ = 1;
};

// ---- formulas ----------------------------------------------------------------------------------------------------------------
// Products of input channels, taps and output elements, twice.
double convolution_flops(const Shape& weights, const Shape& y);
// Transforms of `x` over those of its axes z, y, x (axes 3, 4, 5 of 6) among the last `rank` along which `mask` varies.
double fourier_flops(const Shape& x, int rank, const Shape& mask);
double normal_flops(const Shape& coils, const Shape& image, int rank, const Shape& mask);
double wavelet_flops(const Shape& x, int rank);
double eigenvector_flops(const Shape& vectors, int iterations);
double loss_flops(LossKind kind, double pixels, bool gradient);
double optimizer_flops(const OptimizerTerms& terms, double parameters);
double random_flops(Distribution distribution, double numbers);

}  // namespace gleam::kernels
