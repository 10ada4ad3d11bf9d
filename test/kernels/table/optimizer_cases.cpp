// The length of gradients, and updates of parameters.
#include <fmt/format.h>

#include <cmath>

#include "test/kernels/table/operation_case.hpp"

namespace gleam::test {
namespace {

using kernels::OptimizerKind;
using kernels::OptimizerTerms;

const std::int64_t sizes[] = {1, 3, 4, 1024, 5003};

// The limit as a multiple of the length that sqrt(n) normal numbers have about.
OperationCase clip(std::int64_t n, DType type, double limit, Fill fill = Fill::normal) {
    OperationCase row{
        fmt::format("clip, {} numbers{} to {} of their length, {}", n, fill == Fill::zero ? ", zero," : "", limit, name_of(type)),
        {},
        {{type, {n}, fill}, {DType::f64, {1}, Fill::unset}}};
    const double length = limit * std::sqrt(static_cast<double>(n));
    row.run = [=](Call& k) { k.ops.clip(length, k.out[0], k.out[1]); };
    row.reference = [=](const Values&, Values& out) {
        double sum = 0;
        for (double g : out[0].numbers) sum += g * g;
        out[1][0] = std::sqrt(sum);
        if (out[1][0] > length)
            for (double& g : out[0].numbers) g *= length / out[1][0];
    };
    row.tolerance = rounding_of(type);
    return row;
}

const char* name_of_kind(OptimizerKind kind) {
    return kind == OptimizerKind::sgd ? "sgd" : kind == OptimizerKind::adam ? "adam" : "adamw";
}

// As torch.optim writes it, in double precision. The second moment is a square: it cannot be negative.
OperationCase step(std::int64_t n, DType type, const OptimizerTerms& terms) {
    OperationCase row{fmt::format("optimizer_step, {}, momentum {}, step {}, {} parameters, {}", name_of_kind(terms.kind),
                                  terms.momentum, terms.step, n, name_of(type)),
                      {{type, {n}}},
                      {{type, {n}}}};
    for (int m = 0; m < terms.moments(); ++m) row.out.push_back({type, {n}, m == 0 ? Fill::normal : Fill::uniform});
    row.run = [=](Call& k) {
        k.ops.optimizer_step(terms, k.in[0], k.out[0], {k.out.data() + 1, static_cast<std::size_t>(terms.moments())});
    };
    row.reference = [=](const Values& in, Values& out) {
        const double rate = terms.learning_rate, decay = terms.weight_decay, steps = static_cast<double>(terms.step);
        for (std::int64_t i = 0; i < n; ++i) {
            double g = in[0][i], p = out[0][i];
            if (terms.kind == OptimizerKind::adamw)
                p -= rate * decay * p;
            else
                g += decay * p;
            if (terms.kind == OptimizerKind::sgd) {
                const double m = terms.momentum != 0 ? terms.momentum * out[1][i] + g : g;
                if (terms.momentum != 0) out[1][i] = m;
                out[0][i] = p - rate * m;
                continue;
            }
            double &m = out[1].numbers[static_cast<std::size_t>(i)], &v = out[2].numbers[static_cast<std::size_t>(i)];
            m = terms.beta1 * m + (1 - terms.beta1) * g;
            v = terms.beta2 * v + (1 - terms.beta2) * g * g;
            const double m_hat = m / (1 - std::pow(terms.beta1, steps)), v_hat = v / (1 - std::pow(terms.beta2, steps));
            out[0][i] = p - rate * m_hat / (std::sqrt(v_hat) + terms.epsilon);
        }
    };
    row.tolerance = rounding_of(type);
    return row;
}

}  // namespace

std::vector<OperationCase> optimizer_cases() {
    std::vector<OperationCase> rows;
    for (DType type : {DType::f32, DType::f64})
        for (std::int64_t n : sizes) {
            for (double limit : {0.1, 10.0}) rows.push_back(clip(n, type, limit));
            rows.push_back(clip(n, type, 0.1, Fill::zero));
            for (std::int64_t at : {1, 1000})
                for (OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::adamw})
                    rows.push_back(step(n, type, {.kind = kind, .learning_rate = 0.02, .weight_decay = 0.1, .step = at}));
            for (double momentum : {0.0, 0.8})
                rows.push_back(step(
                    n, type,
                    {.kind = OptimizerKind::sgd, .learning_rate = 0.05, .weight_decay = 0.1, .momentum = momentum, .step = 3}));
        }
    return rows;
}

}  // namespace gleam::test
