#include "kernels/cpu/fourier.hpp"

#include <fftw3.h>

#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "core/error.hpp"

namespace gleam::kernels::cpu {
namespace {

std::mutex planner;  // FFTW's planner is not thread-safe; executing plans is

using Dimensions = std::vector<fftw_iodim>;  // length and stride of some axes; the same type in both precisions

int size(const Dimensions& d) { return static_cast<int>(d.size()); }

// FFTW's two precisions under one name.
template <class T>
struct Fftw;
template <>
struct Fftw<float> {
    using Plan = fftwf_plan;
    static auto* cast(std::complex<float>* p) { return reinterpret_cast<fftwf_complex*>(p); }
    static auto* allocate(std::int64_t n) { return fftwf_alloc_complex(static_cast<std::size_t>(n)); }
    static void release(fftwf_complex* p) { fftwf_free(p); }
    static Plan plan(const Dimensions& transform, const Dimensions& batch, fftwf_complex* p, int sign) {
        return fftwf_plan_guru_dft(size(transform), transform.data(), size(batch), batch.data(), p, p, sign, FFTW_ESTIMATE);
    }
    static void destroy(Plan plan) { fftwf_destroy_plan(plan); }
    static void execute(Plan plan, fftwf_complex* p) { fftwf_execute_dft(plan, p, p); }
};
template <>
struct Fftw<double> {
    using Plan = fftw_plan;
    static auto* cast(std::complex<double>* p) { return reinterpret_cast<fftw_complex*>(p); }
    static auto* allocate(std::int64_t n) { return fftw_alloc_complex(static_cast<std::size_t>(n)); }
    static void release(fftw_complex* p) { fftw_free(p); }
    static Plan plan(const Dimensions& transform, const Dimensions& batch, fftw_complex* p, int sign) {
        return fftw_plan_guru_dft(size(transform), transform.data(), size(batch), batch.data(), p, p, sign, FFTW_ESTIMATE);
    }
    static void destroy(Plan plan) { fftw_destroy_plan(plan); }
    static void execute(Plan plan, fftw_complex* p) { fftw_execute_dft(plan, p, p); }
};

}  // namespace

template <class T>
struct FourierPlan<T>::Impl {
    typename Fftw<T>::Plan plan;

    explicit Impl(typename Fftw<T>::Plan p) : plan(p) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { Fftw<T>::destroy(plan); }
};

template <class T>
const FourierPlan<T>& FourierPlan<T>::get(const Volume& v, const Axes& axes, FftDirection direction) {
    static std::map<std::tuple<Volume, Axes, FftDirection>, FourierPlan> plans;  // kept until the program ends
    std::lock_guard lock(planner);
    auto [it, fresh] = plans.try_emplace({v, axes, direction}, FourierPlan());
    if (fresh) {
        Dimensions transform, batch;
        const auto place = [&](std::int64_t n, std::int64_t stride, bool transformed) {
            (transformed ? transform : batch)
                .push_back({static_cast<int>(n), static_cast<int>(stride), static_cast<int>(stride)});
        };
        const Layout layout = padded<T>(v);
        place(v.z, layout.plane, axes.z);
        place(v.y, layout.row, axes.y);
        place(v.x, 1, axes.x);
        auto* data = Fftw<T>::allocate(layout.volume);
        auto plan = Fftw<T>::plan(transform, batch, data, direction == FftDirection::forward ? FFTW_FORWARD : FFTW_BACKWARD);
        Fftw<T>::release(data);
        if (!plan) {
            plans.erase(it);
            throw InternalError("fft", "FFTW has no plan for a volume of " + std::to_string(v.elements()) + " elements");
        }
        it->second.impl_ = std::make_shared<Impl>(plan);
    }
    return it->second;
}

template <class T>
void FourierPlan<T>::execute(std::complex<T>* data) const {
    Fftw<T>::execute(impl_->plan, Fftw<T>::cast(data));
}

template <class T>
void shifted_copy(const Volume& v, Shift shift, T scale, const std::complex<T>* from, const Layout& from_layout,
                  std::complex<T>* to, const Layout& to_layout) {
    // out[i] = in[(i + s) mod n] with s = floor(n/2) for ifftshift, ceil(n/2) for fftshift
    const auto by = [&](std::int64_t n) { return shift == Shift::none ? 0 : shift == Shift::before ? n / 2 : (n + 1) / 2; };
    const std::int64_t sz = by(v.z), sy = by(v.y), sx = by(v.x);
    const std::int64_t head = v.x - sx;
    for (std::int64_t z = 0; z < v.z; ++z)
        for (std::int64_t y = 0; y < v.y; ++y) {
            const auto* row = from + (z + sz) % v.z * from_layout.plane + (y + sy) % v.y * from_layout.row;
            auto* out = to + z * to_layout.plane + y * to_layout.row;
            for (std::int64_t x = 0; x < head; ++x) out[x] = scale * row[x + sx];
            for (std::int64_t x = head; x < v.x; ++x) out[x] = scale * row[x - head];
        }
}

std::string fourier_library_version() {
    const std::string full = fftwf_version;  // "fftw-3.3.10-sse2-avx"
    const std::size_t dash = full.find('-') + 1;
    return full.substr(dash, full.find('-', dash) - dash);
}

template class FourierPlan<float>;
template class FourierPlan<double>;
template void shifted_copy(const Volume&, Shift, float, const std::complex<float>*, const Layout&, std::complex<float>*,
                           const Layout&);
template void shifted_copy(const Volume&, Shift, double, const std::complex<double>*, const Layout&, std::complex<double>*,
                           const Layout&);

}  // namespace gleam::kernels::cpu
