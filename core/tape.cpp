#include "core/tape.hpp"

namespace gleam {

Var Var::viewed(const Tensor& view) const {
    // An aliasing buffer: no lease of its own, but it keeps the owner's alive.
    auto alias = std::make_shared<std::pair<BufferPtr, Buffer>>(value_, Buffer{view, {}});
    return Var(BufferPtr(alias, &alias->second), gradient_);
}

BufferPtr Tape::allocate(const char* name, DType dtype, const Shape& shape, Device device) {
    Tensor t{nullptr, dtype, shape, device};
    Lease lease = activations_.acquire(name, t.bytes());
    t.data = lease.data();
    return std::make_shared<Buffer>(Buffer{t, std::move(lease)});
}

Var Tape::leaf(const Tensor& t) const { return Var(std::make_shared<Buffer>(Buffer{t, {}}), std::make_shared<Gradient>()); }

Var Tape::result(BufferPtr value, bool differentiable) const {
    return Var(std::move(value), recording_ && differentiable ? std::make_shared<Gradient>() : nullptr);
}

void Tape::record(const Var& output, Backward backward) {
    if (!output.needs_gradient()) return;
    Tensor like = output.tensor();
    like.data = nullptr;
    records_.push_back({output.gradient(), like, std::move(backward)});
}

void Tape::backward(const Var& output, BufferPtr gradient) {
    output.gradient()->buffer = std::move(gradient);
    while (!records_.empty()) {
        Record record = std::move(records_.back());
        records_.pop_back();
        BufferPtr incoming = std::move(record.output->buffer);
        if (!incoming) continue;
        incoming->tensor = incoming->tensor.viewed_as(record.like);
        record.backward(incoming);
    }
}

}  // namespace gleam
