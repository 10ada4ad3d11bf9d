// Gradients of differentiable functions against four-point finite differences, in double precision.
#pragma once

#include <functional>

#include "modules/functions.hpp"
#include "test/support/numbers.hpp"

namespace gleam::test {

using Function = std::function<Var(modules::Context&, const ParameterPack&, const Var&)>;

// A parameter pack with its own memory, filled with its initial values.
struct OwnedPack {
    ParameterPack pack{DType::f64, Device{}};
    std::vector<double> memory;

    void bind(std::uint64_t seed = 3) {
        const ParameterBuffers buffers{.gradients = true};
        memory.assign(pack.bytes(buffers) / sizeof(double), 0.0);
        pack.bind(memory.data(), buffers);
        const auto initial = pack.initial_values(seed);
        std::copy(initial.begin(), initial.end(), memory.begin());
    }
    double* values() { return pack.values().as<double>(); }
    double* gradients() { return pack.gradients().as<double>(); }
};

// Relative difference between the analytic and the numerical derivative of L = <w, f(x)> along one random direction, for x and
// for the parameters. T: double or std::complex<double>.
template <class T>
struct GradientErrors {
    double input = 0, parameters = 0;
};

template <class T>
GradientErrors<T> gradient_errors(const Function& f, OwnedPack& owned, Array<T> x, double h = 1e-4) {
    Bench bench;
    Arena activations("activations");
    activations.serve_on_demand(bench.ops->allocator());
    Array<T> weights;
    const auto value = [&](bool with_gradient, Array<T>* dx) {
        Tape tape(activations, with_gradient);
        modules::Context context{*bench.ops, tape, bench.workspace};
        const Var in = with_gradient ? tape.leaf(x.view()) : tape.constant(x.view());
        const Var out = f(context, owned.pack, in);
        if (weights.empty()) weights = random_array<T>(out.tensor().viewed_as(out.tensor()).shape, 77);
        double sum = 0;
        for (std::int64_t i = 0; i < weights.elements(); ++i) {
            const std::complex<double> term =
                std::conj(std::complex<double>(weights[i])) * std::complex<double>(out.tensor().as<T>()[i]);
            sum += term.real();
        }
        if (with_gradient) {
            auto seed = std::make_shared<Buffer>(Buffer{weights.view(), {}});
            const BufferPtr keep = seed;  // shared: it must not be written to
            tape.backward(out, seed);
            if (in.gradient()->buffer) std::copy_n(in.gradient()->buffer->tensor.template as<T>(), x.elements(), dx->data());
        }
        return sum;
    };

    Array<T> dx(x.shape);
    std::fill_n(owned.gradients(), owned.pack.elements(), 0.0);
    value(true, &dx);
    const auto four_point = [&](const std::function<void(double)>& move) {
        const auto at = [&](double t) {
            move(t);
            const double v = value(false, nullptr);
            move(-t);
            return v;
        };
        return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    };
    const auto relative = [](double numeric, double analytic) {
        return std::abs(numeric - analytic) / (std::abs(analytic) + 1e-12);
    };

    GradientErrors<T> errors;
    const auto direction = random_array<T>(x.shape, 78);
    errors.input = relative(four_point([&](double t) {
                                for (std::int64_t i = 0; i < x.elements(); ++i) x[i] += t * direction[i];
                            }),
                            inner(direction, dx).real());
    if (owned.pack.elements()) {
        const auto step = random_array<double>(Shape{owned.pack.elements()}, 79);
        double analytic = 0;
        for (std::int64_t i = 0; i < step.elements(); ++i) analytic += step[i] * owned.gradients()[i];
        errors.parameters = relative(four_point([&](double t) {
                                         for (std::int64_t i = 0; i < step.elements(); ++i) owned.values()[i] += t * step[i];
                                     }),
                                     analytic);
    }
    return errors;
}

}  // namespace gleam::test
