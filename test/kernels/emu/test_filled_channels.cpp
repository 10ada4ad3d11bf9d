// Images with more channels than the weights have: what the GPU's tensor cores want.
#include "core/array.hpp"
#include "core/error.hpp"
#include "kernels/cpu/cpu.hpp"
#include "kernels/emu/emu.hpp"
#include "test/support/catch.hpp"
#include "test/support/numbers.hpp"
#include "test/support/on_device.hpp"

using namespace gleam;
using namespace gleam::kernels;
using test::OnDevice;

namespace {

template <class T>
Array<T> rounded(const Array<float>& a) {
    Array<T> out(a.shape);
    for (std::int64_t i = 0; i < a.elements(); ++i) out[i] = T(a[i]);
    return out;
}

// The same pixels with `channels` channels, those beyond set to `rest`.
template <class T>
Array<T> with_channels(const Array<T>& a, std::int64_t channels, float rest) {
    Shape shape = a.shape;
    const std::int64_t before = shape[4];
    shape[4] = channels;
    Array<T> out(shape);
    for (std::int64_t i = 0; i < out.elements(); ++i) {
        const std::int64_t pixel = i / channels, k = i % channels;
        out[i] = k < before ? a[pixel * before + k] : T(rest);
    }
    return out;
}

// For the CPU's operations: the thread sanitizer, which watches kernels here, does not know OpenMP.
struct OneThread {
    OneThread() { set_thread_count(1); }
    ~OneThread() { set_thread_count(0); }
};

// 3 x 3 taps between images of `in` and `out` channels on the emulated GPU, filled up, against the CPU as they are.
template <class T>
struct Filled {
    static constexpr float tolerance = sizeof(T) == 2 ? 2e-2F : 1e-5F;
    const OneThread alone;  // before the operations, which ask for the number of threads when they are made
    std::unique_ptr<Operations> gpu = emu::make_emu_operations(), cpu = make_cpu_operations();
    Arena gpu_workspace{"gpu"}, cpu_workspace{"cpu"};
    Array<T> x, y;
    Array<float> weights, bias;
    std::int64_t x_channels, y_channels;
    const Padding padding{0, 1, 1};

    Filled(std::int64_t in, std::int64_t out)
        : x(rounded<T>(test::random_array<float>(Shape{2, 1, 6, 7, in}, 1))),
          y(rounded<T>(test::random_array<float>(Shape{2, 1, 6, 7, out}, 2))),
          weights(test::random_array<float>(Shape{out, in, 1, 3, 3}, 3)),
          bias(test::random_array<float>(Shape{out}, 4)) {
        gpu->set_tf32(true);
        gpu_workspace.serve_on_demand(gpu->allocator());
        cpu_workspace.serve_on_demand(cpu->allocator());
        x_channels = gpu->channels(dtype_of<T>, in), y_channels = gpu->channels(dtype_of<T>, out);
    }

    void require_like(const std::vector<T>& filled, const Array<T>& plain, std::int64_t channels) const {
        const auto expected = with_channels(plain, channels, 0);
        for (std::size_t i = 0; i < filled.size(); ++i) {
            const auto value = static_cast<float>(filled[i]), wanted = static_cast<float>(expected.values[i]);
            if (static_cast<std::int64_t>(i) % channels >= plain.shape[4])
                REQUIRE(value == 0);
            else
                REQUIRE(std::abs(value - wanted) <= tolerance * (10 + std::abs(wanted)));
        }
    }

    void forward() {
        const OnDevice dx(*gpu, with_channels(x, x_channels, 3).view()), dw(*gpu, weights.view()), db(*gpu, bias.view()),
            dy(*gpu, with_channels(y, y_channels, 5).view());
        gpu->convolution(dx.tensor, dw.tensor, &db.tensor, padding, dy.tensor, gpu_workspace);
        Array<T> expected(y.shape);
        const Tensor b = bias.view();
        cpu->convolution(x.view(), weights.view(), &b, padding, expected.view(), cpu_workspace);
        require_like(dy.numbers<T>(), expected, y_channels);
    }
    void data(std::optional<double> slope) {
        // Where x was activated, the channels beyond hold what convolutions left there: zeros.
        const OnDevice dx(*gpu, with_channels(x, x_channels, 0).view()), dw(*gpu, weights.view()),
            dy(*gpu, with_channels(y, y_channels, 5).view());
        gpu->convolution_data(dy.tensor, dw.tensor, padding, slope, dx.tensor, gpu_workspace);
        Array<T> expected = x;
        cpu->convolution_data(y.view(), weights.view(), padding, slope, expected.view(), cpu_workspace);
        require_like(dx.numbers<T>(), expected, x_channels);
    }
    void gradient() {
        const OnDevice dx(*gpu, with_channels(x, x_channels, 3).view()), dy(*gpu, with_channels(y, y_channels, 5).view()),
            dw(*gpu, weights.view()), db(*gpu, bias.view());
        gpu->convolution_weights_acc(dx.tensor, dy.tensor, padding, dw.tensor, &db.tensor, gpu_workspace);
        Array<float> of_weights = weights, of_bias = bias;
        const Tensor b = of_bias.view();
        cpu->convolution_weights_acc(x.view(), y.view(), padding, of_weights.view(), &b, cpu_workspace);
        for (const auto& [got, wanted] :
             {std::pair{dw.numbers<float>(), of_weights.values}, {db.numbers<float>(), of_bias.values}})
            for (std::size_t i = 0; i < got.size(); ++i)
                REQUIRE(std::abs(got[i] - wanted[i]) <= tolerance * (10 + std::abs(wanted[i])));
    }
};

template <class T>
void require_all() {
    for (const auto& [in, out] : {std::pair<int, int>{10, 13}, {2, 10}, {11, 2}}) {
        INFO(in << " to " << out << " channels, " << name_of(dtype_of<T>));
        Filled<T> f(in, out);
        f.forward();
        f.data(std::nullopt);
        f.data(0.25);
        f.gradient();
    }
}

}  // namespace

TEST_CASE("Channels that only fill an image up do not count and become zeros, in every pass, wide and thin, f32 and bf16") {
    require_all<float>();
    require_all<Bf16>();
}

TEST_CASE("Tensor cores get multiples of 16 bytes, strict numbers and few channels what they have") {
    const auto ops = emu::make_emu_operations();
    CHECK(ops->channels(DType::bf16, 100) == 104);
    CHECK(ops->channels(DType::f32, 70) == 70);
    ops->set_tf32(true);
    CHECK(ops->channels(DType::f32, 70) == 72);
    CHECK(ops->channels(DType::f64, 70) == 70);
    CHECK(ops->channels(DType::bf16, 2) == 2);
    CHECK(make_cpu_operations()->channels(DType::bf16, 100) == 100);
}
