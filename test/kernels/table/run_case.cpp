#include "test/kernels/table/run_case.hpp"

#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/memory.hpp"
#include "core/philox.hpp"

namespace gleam::test {
namespace {

std::int64_t reals(const Shape& shape, DType t) { return shape.elements() * (is_complex(t) ? 2 : 1); }

// Calls f with a number of the real type behind t.
template <class F>
decltype(auto) with_number(DType t, F&& f) {
    return t == DType::u32 ? f(std::uint32_t{}) : with_feature(t, f);
}

// The number of type T nearest to v. Words have no NaN: theirs is all bits set.
template <class T>
T nearest(double v) {
    if constexpr (std::is_same_v<T, std::uint32_t>)
        return std::isnan(v) ? ~T{0} : T(v);
    else
        return T(Arithmetic<T>(v));
}

Value fill(const Operand& operand, std::uint32_t stream) {
    Value value{operand.dtype, operand.shape, {}};
    value.numbers.resize(static_cast<std::size_t>(reals(operand.shape, operand.dtype)));
    Philox random(2026, Purpose::test, 1, stream);
    for (double& v : value.numbers) {
        switch (operand.fill) {
            case Fill::normal:
                v = random.normal();
                break;
            case Fill::uniform:
                v = random.uniform();
                break;
            case Fill::zero_or_one:
                v = random.uniform() < 0.4;
                break;
            case Fill::zero:
                v = 0;
                break;
            case Fill::unset:
                v = std::nan("");
                break;
        }
    }
    if (operand.adjust) operand.adjust(value.numbers);
    for (double& v : value.numbers)
        v = with_number(operand.dtype, [&](auto zero) { return static_cast<double>(nearest<decltype(zero)>(v)); });
    return value;
}

// An operand on the device, with bytes behind it that nobody may change.
class Placed {
public:
    Placed(const Value& value, kernels::Operations& ops) : ops_(ops) {
        const std::size_t bytes = static_cast<std::size_t>(value.shape.elements()) * size_of(value.dtype);
        memory_ = Memory(ops.allocator(), ops.allocator().allocate(bytes + sentinel), bytes + sentinel);
        tensor = Tensor{memory_.data(), value.dtype, value.shape, ops.device()};
        write(value);
    }

    void write(const Value& value) {
        std::vector<unsigned char> bytes(memory_.bytes(), mark);
        with_number(value.dtype, [&](auto zero) {
            using T = decltype(zero);
            for (std::size_t i = 0; i < value.numbers.size(); ++i) {
                const T v = nearest<T>(value.numbers[i]);
                std::memcpy(bytes.data() + i * sizeof(T), &v, sizeof(T));
            }
        });
        ops_.copy(Tensor{bytes.data(), DType::bf16, Shape{half(bytes.size())}, Device{}}, raw());
    }

    // What is there now; `intact` becomes false where the bytes behind it have changed.
    Value read(bool& intact) const {
        std::vector<unsigned char> bytes(memory_.bytes());
        ops_.copy(raw(), Tensor{bytes.data(), DType::bf16, Shape{half(bytes.size())}, Device{}});
        Value value{tensor.dtype, tensor.shape, {}};
        value.numbers.resize(static_cast<std::size_t>(reals(tensor.shape, tensor.dtype)));
        with_number(value.dtype, [&](auto zero) {
            using T = decltype(zero);
            for (std::size_t i = 0; i < value.numbers.size(); ++i) {
                T v;
                std::memcpy(static_cast<void*>(&v), bytes.data() + i * sizeof(T), sizeof(T));
                value.numbers[i] = static_cast<double>(v);
            }
        });
        for (std::size_t i = tensor.bytes(); i < bytes.size(); ++i) intact = intact && bytes[i] == mark;
        return value;
    }

    Tensor tensor;

private:
#if defined(__SANITIZE_ADDRESS__)
    static constexpr std::size_t sentinel = 0;  // its red zone sees reads as well
#else
    static constexpr std::size_t sentinel = 64;
#endif
    static constexpr unsigned char mark = 0xa5;

    static std::int64_t half(std::size_t bytes) { return static_cast<std::int64_t>(bytes / 2); }
    // Everything as numbers of two bytes, which are copied as they are.
    Tensor raw() const { return {memory_.data(), DType::bf16, Shape{half(memory_.bytes())}, ops_.device()}; }

    kernels::Operations& ops_;
    Memory memory_;
};

double difference(const Value& a, const Value& b) {
    double sum = 0, norm = 0;
    for (std::size_t i = 0; i < a.numbers.size(); ++i) {
        sum += (a.numbers[i] - b.numbers[i]) * (a.numbers[i] - b.numbers[i]);
        norm += b.numbers[i] * b.numbers[i];
    }
    if (sum == 0) return 0;  // both zero; NaN is neither
    return std::sqrt(sum) / (std::sqrt(norm) + 1e-300);
}

double inner(const Value& a, const Value& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.numbers.size(); ++i) sum += a.numbers[i] * b.numbers[i];
    return sum;
}

// One row on one device: its operands there, and calls on them.
class Bed {
public:
    Bed(const OperationCase& row, kernels::Operations& ops) : row_(row), ops_(ops) {
        workspace_.serve_on_demand(ops.allocator());
        std::uint32_t stream = 0;
        for (const Operand& operand : row.in) before_in.push_back(fill(operand, stream++));
        for (const Operand& operand : row.out) before_out.push_back(fill(operand, stream++));
        for (const Value& v : before_in) in_.emplace_back(v, ops);
        for (const Value& v : before_out) out_.emplace_back(v, ops);
    }

    // The outputs after a call with `in`, the outputs being what they were before.
    Values call(const Values& in) {
        for (std::size_t i = 0; i < in.size(); ++i) in_[i].write(in[i]);
        for (std::size_t i = 0; i < out_.size(); ++i) out_[i].write(before_out[i]);
        Call call = tensors();
        row_.run(call);
        Values after;
        for (const Placed& p : out_) after.push_back(p.read(intact_));
        for (std::size_t i = 0; i < in.size(); ++i)
            if (in_[i].read(intact_).numbers != in[i].numbers) changed_input_ = static_cast<int>(i);
        return after;
    }

    Value adjoint(const Value& y) {
        const Placed from(y, ops_), to(fill({row_.in[0].dtype, row_.in[0].shape, Fill::unset}, 0), ops_);
        Call call = tensors();
        row_.adjoint(call, from.tensor, to.tensor);
        return to.read(intact_);
    }

    std::string broken() const {
        if (!intact_) return "bytes behind an operand were changed";
        return changed_input_ >= 0 ? "input " + std::to_string(changed_input_) + " was changed" : "";
    }

    Values before_in, before_out;

private:
    Call tensors() {
        Call call{ops_, workspace_, {}, {}};
        for (const Placed& p : in_) call.in.push_back(p.tensor);
        for (const Placed& p : out_) call.out.push_back(p.tensor);
        return call;
    }

    const OperationCase& row_;
    kernels::Operations& ops_;
    Arena workspace_{"table"};
    std::vector<Placed> in_, out_;
    bool intact_ = true;
    int changed_input_ = -1;
};

// Derivative along a random direction by four-point differences, against the gradient.
double gradient_error(const OperationCase& row, Bed& bed, const Values& outputs) {
    const GradientRule& rule = *row.gradient;
    const auto by = static_cast<std::size_t>(rule.by_in);
    const Value direction = fill({row.in[by].dtype, row.in[by].shape, Fill::normal}, 99);
    const auto at = [&](double step) {
        Values moved = bed.before_in;
        for (std::size_t i = 0; i < direction.numbers.size(); ++i) moved[by].numbers[i] += step * direction.numbers[i];
        return bed.call(moved)[static_cast<std::size_t>(rule.value_out)][0];
    };
    constexpr double h = 1e-4;
    const double numeric = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    Value gradient = outputs[static_cast<std::size_t>(rule.gradient_out)];
    const Value& before = bed.before_out[static_cast<std::size_t>(rule.gradient_out)];
    if (row.out[static_cast<std::size_t>(rule.gradient_out)].fill != Fill::unset)  // it was added to what was there
        for (std::size_t i = 0; i < gradient.numbers.size(); ++i) gradient.numbers[i] -= before.numbers[i];
    const double analytic = inner(gradient, direction);
    return std::abs(numeric - analytic) / (std::abs(analytic) + 1e-300);
}

}  // namespace

CaseResult run_case(const OperationCase& row, kernels::Operations& ops) {
    Bed bed(row, ops);
    CaseResult result;
    const Values outputs = bed.call(bed.before_in);
    if (row.reference) {
        Values expected = bed.before_out;
        row.reference(bed.before_in, expected);
        for (std::size_t i = 0; i < outputs.size(); ++i) {
            const double error = difference(outputs[i], expected[i]);
            if (!(error <= result.error)) result.error = error;  // NaN, too
        }
    }
    if (row.adjoint) {
        const Value y = fill({row.out[0].dtype, row.out[0].shape, Fill::normal}, 98);
        const Value back = bed.adjoint(y);
        result.adjoint_error = std::abs(inner(outputs[0], y) - inner(bed.before_in[0], back)) /
                               (std::sqrt(inner(outputs[0], outputs[0]) * inner(y, y)) + 1e-300);
    }
    if (row.gradient) result.gradient_error = gradient_error(row, bed, outputs);
    result.broken = bed.broken();
    return result;
}

double adjoint_bound(const OperationCase& row) {
    const DType t = (row.in.empty() ? row.out : row.in)[0].dtype;
    return real_of(t) == DType::f64 ? 1e-12 : t == DType::bf16 ? 1e-2 : 1e-5;
}

}  // namespace gleam::test
