#include "kernels/emu/host_libraries.hpp"

#include <fftw3.h>

#include <complex>
#include <map>
#include <tuple>

#include "core/array.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::emu {

using namespace kernels;
using cu::ConvolutionPass;
using cu::FourierPass;
using cu::WideConvolution;

namespace {

// FFTW's two precisions under one name. Plans are for data of any alignment.
template <class T>
struct Fftw {
    using Plan = fftwf_plan;
    static Plan plan(const FourierPass& p, std::complex<T>* x, int sign) {
        auto* data = reinterpret_cast<fftwf_complex*>(x);
        return fftwf_plan_many_dft(static_cast<int>(p.extent.size()), p.extent.data(), static_cast<int>(p.batch), data, nullptr,
                                   static_cast<int>(p.stride), static_cast<int>(p.distance), data, nullptr,
                                   static_cast<int>(p.stride), static_cast<int>(p.distance), sign,
                                   FFTW_ESTIMATE | FFTW_UNALIGNED);
    }
    static void run(Plan plan, std::complex<T>* x) {
        auto* data = reinterpret_cast<fftwf_complex*>(x);
        fftwf_execute_dft(plan, data, data);
    }
    static void destroy(Plan plan) { fftwf_destroy_plan(plan); }
};
template <>
struct Fftw<double> {
    using Plan = fftw_plan;
    static Plan plan(const FourierPass& p, std::complex<double>* x, int sign) {
        auto* data = reinterpret_cast<fftw_complex*>(x);
        return fftw_plan_many_dft(static_cast<int>(p.extent.size()), p.extent.data(), static_cast<int>(p.batch), data, nullptr,
                                  static_cast<int>(p.stride), static_cast<int>(p.distance), data, nullptr,
                                  static_cast<int>(p.stride), static_cast<int>(p.distance), sign, FFTW_ESTIMATE | FFTW_UNALIGNED);
    }
    static void run(Plan plan, std::complex<double>* x) {
        auto* data = reinterpret_cast<fftw_complex*>(x);
        fftw_execute_dft(plan, data, data);
    }
    static void destroy(Plan plan) { fftw_destroy_plan(plan); }
};

template <class T>
void multiply(const cu::MatrixProduct& p) {
    using A = gleam::Arithmetic<T>;
    const T *a = p.a.as<T>(), *b = p.b.as<T>();
    T* c = p.c.as<T>();
    for (std::int64_t j = 0; j < p.n; ++j)
        for (std::int64_t i = 0; i < p.m; ++i) {
            A sum = 0;
            for (std::int64_t l = 0; l < p.k; ++l)
                sum += A(a[p.transpose_a ? i * p.lda + l : l * p.lda + i]) * A(b[p.transpose_b ? l * p.ldb + j : j * p.ldb + l]);
            c[j * p.ldc + i] = T(sum);
        }
}

// Arranged weights [O, taps, I] in the order and type of Operations, and back.
template <class T>
class PlainWeights {
public:
    using W = gleam::Arithmetic<T>;
    explicit PlainWeights(const Tensor& arranged) : arranged_(arranged), plain_(plain_shape(arranged.shape)) {}

    Tensor view() const { return plain_.view(); }
    void read() {
        visit([](T& arranged, W& plain) { plain = W(arranged); });
    }
    void write() {
        visit([](T& arranged, W& plain) { arranged = T(plain); });
    }

private:
    static Shape plain_shape(const Shape& s) { return {s[0], s[4], s[1], s[2], s[3]}; }
    template <class F>
    void visit(F&& f) {
        const Shape& s = arranged_.shape;
        const std::int64_t taps = s[1] * s[2] * s[3], in = s[4];
        for (std::int64_t o = 0; o < s[0]; ++o)
            for (std::int64_t t = 0; t < taps; ++t)
                for (std::int64_t i = 0; i < in; ++i)
                    f(arranged_.as<T>()[(o * taps + t) * in + i], plain_[(o * in + i) * taps + t]);
    }

    Tensor arranged_;
    Array<W> plain_;
};

}  // namespace

template <class T>
struct HostLibraries::Plans {
    std::map<std::pair<FourierPass, int>, typename Fftw<T>::Plan> made;

    Plans() = default;
    Plans(const Plans&) = delete;
    Plans& operator=(const Plans&) = delete;
    ~Plans() {
        for (const auto& [key, plan] : made) Fftw<T>::destroy(plan);
    }
    void run(const cu::FourierBatch& batch, int sign, std::complex<T>* x) {
        for (const FourierPass& pass : fourier_passes(batch)) {
            auto& plan = made[{pass, sign}];
            if (!plan) plan = Fftw<T>::plan(pass, x, sign);
            for (std::int64_t r = 0; r < pass.repeats; ++r) Fftw<T>::run(plan, x + r * pass.step);
        }
    }
};

// Other threads of the program plan transforms too, and do not know of these.
HostLibraries::HostLibraries()
    : host_(make_cpu_operations()), single_(std::make_unique<Plans<float>>()), double_(std::make_unique<Plans<double>>()) {
    static const bool safe = (fftw_make_planner_thread_safe(), fftwf_make_planner_thread_safe(), true);
    static_cast<void>(safe);
    workspace_.serve_on_demand(host_->allocator());
}

HostLibraries::~HostLibraries() = default;

void HostLibraries::fourier(FftDirection direction, const cu::FourierBatch& batch, const Tensor& x) {
    const int sign = direction == FftDirection::forward ? FFTW_FORWARD : FFTW_BACKWARD;
    if (x.dtype == DType::c64)
        single_->run(batch, sign, static_cast<std::complex<float>*>(x.data));
    else
        double_->run(batch, sign, static_cast<std::complex<double>*>(x.data));
}

void HostLibraries::convolve(const WideConvolution& c) {
    with_feature(c.x.dtype, [&](auto zero) {
        using T = decltype(zero);
        if (is_matrix_product(c)) return multiply<T>(as_matrix_product(c));
        PlainWeights<T> weights(c.weights);
        if (c.pass != ConvolutionPass::weights) weights.read();
        switch (c.pass) {
            case ConvolutionPass::forward:
                return host_->convolution(c.x, weights.view(), nullptr, c.padding, c.y, workspace_);
            case ConvolutionPass::data:
                return host_->convolution_data(c.y, weights.view(), c.padding, std::nullopt, c.x, workspace_);
            case ConvolutionPass::weights:
                host_->convolution_weights_acc(c.x, c.y, c.padding, weights.view(), nullptr, workspace_);
                weights.write();
        }
    });
}

}  // namespace gleam::emu
