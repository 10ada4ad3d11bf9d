#include "test/kernels/table/time_case.hpp"

#include <algorithm>
#include <chrono>

#include "core/error.hpp"
#include "core/memory.hpp"
#include "kernels/work.hpp"

namespace gleam::test {
namespace {

Tensor without_memory(const Operand& operand, const kernels::Operations& ops) {
    return {nullptr, operand.dtype, operand.shape, ops.device()};
}

// Operands with memory of their own.
class Operands {
public:
    Operands(const std::vector<Operand>& operands, kernels::Operations& ops) {
        for (const Operand& operand : operands) {
            Tensor t = without_memory(operand, ops);
            memory_.emplace_back(ops.allocator(), ops.allocator().allocate(t.bytes()), t.bytes());
            t.data = memory_.back().data();
            if (!t.data) throw OutOfMemoryError("benchmark", "an operand of " + format_bytes(t.bytes()));
            const bool plain = t.dtype != DType::bf16 && t.dtype != DType::u32;
            if (plain && operand.fill != Fill::zero)
                ops.random_uniform({1, Purpose::test}, -1, 1, t);
            else
                ops.fill_zero(t);
            tensors.push_back(t);
        }
    }
    std::vector<Tensor> tensors;

private:
    std::vector<Memory> memory_;
};

// Returns when the device has done all that it was given: a number has come back from it.
void wait_for(kernels::Operations& ops, const Tensor& any) {
    std::vector<std::byte> number(any.bytes());
    ops.copy(any, {number.data(), any.dtype, any.shape, Device{}});
}

}  // namespace

RowWork work_of(const OperationCase& row, kernels::Operations& ops) {
    kernels::WorkLog log;
    Arena workspace("benchmark");
    ArenaProgram program;
    Call call{ops, workspace, {}, {}};
    for (const Operand& operand : row.in) call.in.push_back(without_memory(operand, ops));
    for (const Operand& operand : row.out) call.out.push_back(without_memory(operand, ops));
    ops.set_planning(true);
    ops.set_work_log(&log);
    workspace.book(program);
    row.run(call);
    workspace.finish_booking();
    ops.set_work_log(nullptr);
    ops.set_planning(false);
    return {log.flops(), log.bytes()};
}

double time_of(const OperationCase& row, kernels::Operations& ops, int repeats) {
    Arena workspace("benchmark");
    ArenaProgram program;
    const Operands in(row.in, ops), out(row.out, ops);
    const Operands token({{DType::f64, Shape{1}, Fill::zero}}, ops);
    Call call{ops, workspace, in.tensors, out.tensors};
    ops.set_planning(true);
    workspace.book(program);
    row.run(call);
    workspace.finish_booking();
    ops.set_planning(false);
    workspace.grant(ops.allocator(), "");
    std::vector<double> seconds;
    for (int i = 0; i <= repeats; ++i) {
        workspace.replay(program);
        wait_for(ops, token.tensors[0]);
        const auto start = std::chrono::steady_clock::now();
        row.run(call);
        wait_for(ops, token.tensors[0]);
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        if (i > 0) seconds.push_back(taken.count());
    }
    std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2), seconds.end());
    return seconds[seconds.size() / 2];
}

}  // namespace gleam::test
