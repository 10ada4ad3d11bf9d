#include "kernels/cpu/fourier.hpp"

#include <fftw3.h>

#include <map>
#include <mutex>
#include <tuple>

#include "core/error.hpp"

namespace gleam::kernels::cpu {
namespace {

std::mutex planner;  // FFTW's planner is not thread-safe; executing plans is

// FFTW's two precisions under one name.
template <class T>
struct Fftw;
template <>
struct Fftw<float> {
    using Plan = fftwf_plan;
    static auto* cast(std::complex<float>* p) { return reinterpret_cast<fftwf_complex*>(p); }
    static auto* allocate(std::int64_t n) { return fftwf_alloc_complex(static_cast<std::size_t>(n)); }
    static void release(fftwf_complex* p) { fftwf_free(p); }
    static Plan plan(const int n[3], fftwf_complex* p, int sign) {
        return fftwf_plan_dft_3d(n[0], n[1], n[2], p, p, sign, FFTW_ESTIMATE);
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
    static Plan plan(const int n[3], fftw_complex* p, int sign) {
        return fftw_plan_dft_3d(n[0], n[1], n[2], p, p, sign, FFTW_ESTIMATE);
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
const FourierPlan<T>& FourierPlan<T>::get(const Volume& v, FftDirection direction) {
    static std::map<std::pair<Volume, FftDirection>, FourierPlan> plans;  // kept until the program ends
    std::lock_guard lock(planner);
    auto [it, fresh] = plans.try_emplace({v, direction}, FourierPlan());
    if (fresh) {
        const int n[3] = {static_cast<int>(v.z), static_cast<int>(v.y), static_cast<int>(v.x)};
        auto* data = Fftw<T>::allocate(v.elements());
        auto plan = Fftw<T>::plan(n, data, direction == FftDirection::forward ? FFTW_FORWARD : FFTW_BACKWARD);
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
void shifted_copy(const Volume& v, bool inverse, T scale, const std::complex<T>* from, std::complex<T>* to) {
    // out[i] = in[(i + s) mod n] with s = floor(n/2) for ifftshift, ceil(n/2) for fftshift
    const auto shift = [&](std::int64_t n) { return inverse ? n / 2 : (n + 1) / 2; };
    const std::int64_t sz = shift(v.z), sy = shift(v.y), sx = shift(v.x);
    const std::int64_t head = v.x - sx;
    for (std::int64_t z = 0; z < v.z; ++z)
        for (std::int64_t y = 0; y < v.y; ++y) {
            const auto* row = from + ((z + sz) % v.z * v.y + (y + sy) % v.y) * v.x;
            auto* out = to + (z * v.y + y) * v.x;
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
template void shifted_copy(const Volume&, bool, float, const std::complex<float>*, std::complex<float>*);
template void shifted_copy(const Volume&, bool, double, const std::complex<double>*, std::complex<double>*);

}  // namespace gleam::kernels::cpu
