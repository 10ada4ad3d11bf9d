// Rows at the sizes of real scans and networks: for bounds and timing, not for comparison. The same operations are compared at
// small sizes in the files of their groups.
#include <fmt/format.h>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

constexpr DType f32 = DType::f32, f64 = DType::f64, c64 = DType::c64, bf16 = DType::bf16;

using Run = std::function<void(Call&)>;

OperationCase row(const std::string& operation, const std::string& sizes, std::vector<Operand> in, std::vector<Operand> out,
                  Run run) {
    OperationCase r{fmt::format("{}, {}", operation, sizes), std::move(in), std::move(out)};
    r.run = std::move(run);
    return r;
}

// 320 x 320 points and 16 coils: a knee; 640 x 368 and 15: the usual size of brains, with a factor of 23.
struct Scan {
    std::int64_t coils, height, width;

    Shape image() const { return {1, 1, 1, 1, height, width}; }
    Shape kspace() const { return {1, 1, coils, 1, height, width}; }
    std::string text() const { return fmt::format("{} coils of {} x {}", coils, height, width); }
};
constexpr Scan scans[] = {{16, 320, 320}, {15, 640, 368}};

void add_vectors(std::vector<OperationCase>& rows) {
    const Shape image{4, 1, 1, 1, 320, 256};
    const std::string text = "4 images of 320 x 256";
    rows.push_back(row("linear_combination", text, {{c64, image}, {c64, image}}, {{c64, image}},
                       [](Call& k) { k.ops.linear_combination(2, k.in[0], 3, k.in[1], k.out[0]); }));
    rows.push_back(row("dot", text, {{c64, image}, {c64, image}}, {{f64, Shape{4}}},
                       [](Call& k) { k.ops.dot(k.in[0], k.in[1], k.out[0]); }));
    rows.push_back(row("add_quotient", text, {{f64, Shape{4}}, {f64, Shape{4}}, {c64, image}}, {{c64, image}},
                       [](Call& k) { k.ops.add_quotient(1, k.in[0], &k.in[1], k.in[2], &k.out[0], k.out[0]); }));
}

void add_scan(std::vector<OperationCase>& rows, const Scan& s) {
    rows.push_back(row("coil_expand", s.text(), {{c64, s.image()}, {c64, s.kspace()}}, {{c64, s.kspace()}},
                       [](Call& k) { k.ops.coil_expand(k.in[0], k.in[1], k.out[0]); }));
    rows.push_back(row("coil_combine", s.text(), {{c64, s.kspace()}, {c64, s.kspace()}}, {{c64, s.image()}},
                       [](Call& k) { k.ops.coil_combine(k.in[0], k.in[1], k.out[0]); }));
    rows.push_back(row("mask_multiply", s.text(), {{f32, s.image()}}, {{c64, s.kspace()}},
                       [](Call& k) { k.ops.mask_multiply(k.in[0], k.out[0]); }));
    rows.push_back(row("fft", s.text(), {}, {{c64, s.kspace()}},
                       [](Call& k) { k.ops.fft(kernels::FftDirection::forward, 2, k.out[0], k.workspace); }));
    const auto normal = [&](const std::string& mask, const Shape& shape) {
        rows.push_back(row("sense_normal", s.text() + ", mask of " + mask, {{c64, s.image()}, {c64, s.kspace()}, {f32, shape}},
                           {{c64, s.image()}}, [](Call& k) {
                               k.ops.sense_normal(k.in[0], k.in[1], k.in[2], 2, {1, 0.05}, k.out[0], k.workspace);
                           }));
    };
    normal("points", s.image());
    normal("columns", {1, 1, 1, 1, 1, s.width});
    normal("rows", {1, 1, 1, 1, s.height, 1});
}

void add_network(std::vector<OperationCase>& rows) {
    using kernels::BorderMode;
    const kernels::Border border{kernels::on_every_axis(BorderMode::reflect), {0, 1, 1}, 0};
    for (DType t : {f32, bf16}) {
        const std::int64_t f = t == bf16 ? 104 : 100;
        const Shape inner{4, 1, 320, 256, f}, outer{4, 1, 322, 258, f};
        const std::string text = fmt::format("4 x 320 x 256 x {}, {}", f, name_of(t));
        rows.push_back(
            row("border", text, {{t, inner}}, {{t, outer}}, [=](Call& k) { k.ops.border(k.in[0], border, k.out[0]); }));
        rows.push_back(row("add_border", text, {{t, inner}, {t, inner}}, {{t, inner}, {t, outer}},
                           [=](Call& k) { k.ops.add_border(k.in[0], k.in[1], border, k.out[0], k.out[1]); }));
        rows.push_back(row("border_adjoint", text, {{t, outer}, {t, outer}}, {{t, inner}},
                           [=](Call& k) { k.ops.border_adjoint(k.in[0], &k.in[1], border, false, k.out[0]); }));
        rows.push_back(row("activate", text, {{t, inner}},
                           {{t, inner}, {DType::u32, Shape{kernels::sign_words(inner.elements())}}},
                           [](Call& k) { k.ops.activate(k.in[0], 0, k.out[0], &k.out[1]); }));
        rows.push_back(row("normalize", text, {{t, inner}}, {{t, inner}, {f64, Shape{4, f}}},
                           [](Call& k) { k.ops.normalize(k.in[0], 1e-5, k.out[0], k.out[1]); }));
    }
    const Shape thin{4, 1, 320, 256, 2}, wide{4, 1, 320, 256, 100}, widen{100, 2, 1, 3, 3}, narrow{2, 100, 1, 3, 3};
    const kernels::Padding padding{0, 1, 1};
    const auto convolution = [&](const std::string& text, const Shape& x, const Shape& w, const Shape& y) {
        const kernels::Padding pad = w[3] == 1 ? kernels::Padding{} : padding;
        rows.push_back(row("convolution", text, {{f32, x}, {f32, w}}, {{f32, y}},
                           [=](Call& k) { k.ops.convolution(k.in[0], k.in[1], nullptr, pad, k.out[0], k.workspace); }));
        rows.push_back(row("convolution_data", text, {{f32, y}, {f32, w}}, {{f32, x}},
                           [=](Call& k) { k.ops.convolution_data(k.in[0], k.in[1], pad, {}, k.out[0], k.workspace); }));
        rows.push_back(row("convolution_weights_acc", text, {{f32, x}, {f32, y}}, {{f32, w}}, [=](Call& k) {
            k.ops.convolution_weights_acc(k.in[0], k.in[1], pad, k.out[0], nullptr, k.workspace);
        }));
    };
    convolution("4 x 320 x 256, 2 to 100, 3 x 3", thin, widen, wide);
    convolution("4 x 320 x 256, 2 to 100, 1 x 1", thin, {100, 2, 1, 1, 1}, wide);
    convolution("4 x 320 x 256, 100 to 2, 3 x 3", wide, narrow, thin);
}

void add_rest(std::vector<OperationCase>& rows) {
    const Shape image{4, 1, 1, 1, 320, 256};
    for (const auto& [kind, name] : {std::pair{kernels::LossKind::l1, "l1"}, {kernels::LossKind::ssim, "ssim"}})
        rows.push_back(row("loss_acc", fmt::format("{}, 4 images of 320 x 256", name), {{c64, image}, {c64, image}},
                           {{c64, image, Fill::zero}, {f64, Shape{1}, Fill::zero}}, [kind = kind](Call& k) {
                               k.ops.loss_acc({kind, 1}, k.in[0], k.in[1], &k.out[0], k.out[1], k.workspace);
                           }));
    const Shape parameters{2191216};
    rows.push_back(row("optimizer_step", "adam, 2191216 parameters", {{f32, parameters}},
                       {{f32, parameters}, {f32, parameters, Fill::zero}, {f32, parameters, Fill::zero}}, [](Call& k) {
                           k.ops.optimizer_step({}, k.in[0], k.out[0], std::vector<Tensor>{k.out[1], k.out[2]});
                       }));
    rows.push_back(row("clip", "2191216 parameters", {}, {{f32, parameters}, {f64, Shape{1}}},
                       [](Call& k) { k.ops.clip(1, k.out[0], k.out[1]); }));
    rows.push_back(row("wavelet", "4 images of 320 x 256", {}, {{c64, image}}, [](Call& k) {
        k.ops.wavelet(kernels::WaveletDirection::forward, 2, {0, 3, 5}, k.out[0], k.workspace);
    }));
    rows.push_back(
        row("soft_threshold", "4 images of 320 x 256", {}, {{c64, image}}, [](Call& k) { k.ops.soft_threshold(0.1, k.out[0]); }));
    rows.push_back(row("leading_eigenvectors", "8 coils, 320 x 320, at most 20 iterations", {{c64, Shape{36, 320 * 320}}},
                       {{c64, Shape{8, 320 * 320}}, {f32, Shape{320 * 320}}},
                       [](Call& k) { k.ops.leading_eigenvectors(20, k.in[0], k.out[0], k.out[1]); }));
    rows.push_back(row("random_uniform", "4194304 numbers", {}, {{f32, Shape{4194304}}}, [](Call& k) {
        k.ops.random_uniform({1, Purpose::test}, 0, 1, k.out[0]);
    }));
}

}  // namespace

std::vector<OperationCase> performance_cases() {
    std::vector<OperationCase> rows;
    add_vectors(rows);
    for (const Scan& s : scans) add_scan(rows, s);
    add_network(rows);
    add_rest(rows);
    return rows;
}

}  // namespace gleam::test
