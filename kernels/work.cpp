#include "kernels/work.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/device/wavelet.hpp"

namespace gleam::kernels {
namespace {

// Adds the item to the first one that `alike` says is the same, or at the end.
template <class Alike>
void merge(std::vector<WorkItem>& items, const WorkItem& item, Alike&& alike) {
    const auto found = std::find_if(items.begin(), items.end(), alike);
    if (found == items.end()) {
        items.push_back(item);
        return;
    }
    found->calls += item.calls, found->flops += item.flops, found->bytes += item.bytes;
}

template <class Of>
double sum(const std::vector<WorkItem>& items, Of&& of) {
    double total = 0;
    for (const WorkItem& item : items) total += of(item);
    return total;
}

}  // namespace

const char* name_of(WorkKind kind) {
    switch (kind) {
        case WorkKind::convolution:
            return "convolution";
        case WorkKind::sense:
            return "sense";
        case WorkKind::border:
            return "border";
        case WorkKind::vectors:
            return "vectors";
        case WorkKind::loss:
            return "loss";
        case WorkKind::optimizer:
            return "optimizer";
    }
    return "?";
}

double WorkItem::seconds(const Ceilings& c) const {
    return std::max(flops / (c.fma_gflops * 1e9), bytes / (c.copy_gbytes_per_s * 1e9));
}

void WorkLog::add(WorkKind kind, const char* operation, double flops, double bytes) {
    const WorkItem item{operation, kind, repeats_, repeats_ * flops, repeats_ * bytes};
    merge(items_, item, [&](const WorkItem& other) {
        return other.operation == operation && other.flops == other.calls * flops && other.bytes == other.calls * bytes;
    });
}

double WorkLog::flops() const {
    return sum(items_, [](const WorkItem& i) { return i.flops; });
}

double WorkLog::bytes() const {
    return sum(items_, [](const WorkItem& i) { return i.bytes; });
}

double WorkLog::seconds(const Ceilings& ceilings) const {
    return sum(items_, [&](const WorkItem& i) { return i.seconds(ceilings); });
}

std::vector<WorkItem> WorkLog::by_operation() const {
    std::vector<WorkItem> all;
    for (const WorkItem& item : items_) merge(all, item, [&](const WorkItem& i) { return i.operation == item.operation; });
    return all;
}

std::vector<WorkItem> WorkLog::by_kind() const {
    std::vector<WorkItem> all;
    for (WorkKind kind : work_kinds) all.push_back({name_of(kind), kind});
    for (const WorkItem& item : items_) merge(all, item, [&](const WorkItem& i) { return i.kind == item.kind; });
    return all;
}

double convolution_flops(const Shape& weights, const Shape& y) {
    return 2 * static_cast<double>(weights.elements()) * static_cast<double>(y.elements() / y[4]);
}

double fourier_flops(const Shape& x, int rank, const Shape& mask) {
    double length = 1;  // of the axes that are transformed
    for (int axis = x.rank() - rank; axis < x.rank(); ++axis)
        if (mask[axis] > 1) length *= static_cast<double>(x[axis]);
    return 5 * static_cast<double>(x.elements()) * std::log2(length);
}

double normal_flops(const Shape& coils, const Shape& image, int rank, const Shape& mask) {
    const double samples = static_cast<double>(coils.elements()), pixels = static_cast<double>(image.elements());
    return 2 * fourier_flops(coils, rank, mask) + 16 * pixels * static_cast<double>(coils[2]) + 2 * samples + 8 * pixels;
}

double wavelet_flops(const Shape& x, int rank) {
    double all = 0, pixels = static_cast<double>(x.elements());
    std::array<std::int64_t, 3> side{x[3], x[4], x[5]};
    for (bool halved = true; halved;) {
        halved = false;
        double left = pixels;
        for (std::size_t axis = static_cast<std::size_t>(3 - rank); axis < 3; ++axis) {
            const std::int64_t half = device::coarse_side(side[axis]);
            if (half == side[axis]) continue;
            all += 32 * pixels;
            left *= static_cast<double>(half) / static_cast<double>(side[axis]);
            side[axis] = half, halved = true;
        }
        pixels = left;
    }
    return all;
}

double eigenvector_flops(const Shape& vectors, int iterations) {
    return 8.0 * iterations * static_cast<double>(vectors[0]) * static_cast<double>(vectors.elements());
}

double loss_flops(LossKind kind, double pixels, bool gradient) {
    if (kind == LossKind::ssim) return (gradient ? 2 : 1) * 5 * 2 * 22 * pixels;
    return 10 * pixels;
}

double optimizer_flops(const OptimizerTerms& terms, double parameters) {
    return parameters * (terms.kind == OptimizerKind::sgd ? 4 : 14);
}

double random_flops(Distribution distribution, double numbers) {
    return numbers * (20 + (distribution == Distribution::uniform ? 2 : 20));
}

}  // namespace gleam::kernels
