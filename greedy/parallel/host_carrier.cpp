#include "greedy/parallel/host_carrier.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::greedy {
namespace {

bool on_cpu(kernels::Operations& ops) { return ops.device().kind == DeviceKind::cpu; }

}  // namespace

Carrier::Carrier(kernels::Operations& ops, std::size_t image_bytes) : ops_(ops), bytes_(aligned(image_bytes)) {
    void* data = ops.allocator().allocate(slots * bytes_);
    if (!data) throw OutOfMemoryError("hand-off", "the device could not give " + format_bytes(slots * bytes_));
    memory_ = Memory(ops.allocator(), data, slots * bytes_);
}

Tensor Carrier::image(std::size_t slot, const Tensor& like) const {
    if (like.bytes() > bytes_) throw InternalError("hand-off", "an image is larger than planned");
    Tensor t = like;
    t.data = static_cast<char*>(memory_.data()) + slot * bytes_;
    return t;
}

void mean_in_order(kernels::Operations& ops, const std::vector<Tensor>& parts, const Tensor& out) {
    const double share = 1.0 / static_cast<double>(parts.size());
    if (parts.size() == 1) return ops.copy(parts.front(), out);
    ops.linear_combination(1, parts[0], 1, parts[1], out);
    for (std::size_t i = 2; i < parts.size(); ++i) ops.linear_combination(1, out, 1, parts[i], out);
    ops.linear_combination(share, out, 0, out, out);
}

// ---- images ------------------------------------------------------------------------------------------------------------------

HostCarrier::HostCarrier(Wire& wire, int other, kernels::Operations& ops, std::size_t image_bytes)
    : Carrier(ops, image_bytes), wire_(wire), other_(other) {
    if (!on_cpu(ops)) host_.resize(slots * slot_bytes());
}

void* HostCarrier::place(std::size_t slot, const Tensor& image) {
    return host_.empty() ? image.data : host_.data() + slot * slot_bytes();
}

void HostCarrier::start(std::size_t slot, const Tensor& image) {
    if (!host_.empty()) ops_.copy(image, on_host(slot, image));
    messages_[slot] = wire_.send(other_, Wire::image, place(slot, image), image.bytes());
}

void HostCarrier::finish(std::size_t slot, const std::string& what) {
    if (messages_[slot]) wire_.wait(*messages_[slot], other_, what);
}

void HostCarrier::post(std::size_t slot) {
    const Tensor all =
        image(slot, Tensor{nullptr, DType::f32, Shape{static_cast<std::int64_t>(slot_bytes() / sizeof(float))}, {}});
    messages_[slot] = wire_.receive(other_, Wire::image, place(slot, all), slot_bytes());
}

void HostCarrier::receive(std::size_t slot, const Tensor& image, const std::string& what) {
    wire_.wait(*messages_[slot], other_, what);
    if (!host_.empty()) ops_.copy(on_host(slot, image), image);
}

// ---- gradients ---------------------------------------------------------------------------------------------------------------

HostPeers::HostPeers(Wire& wire, std::vector<int> members, kernels::Operations& ops, std::size_t gradient_bytes)
    : wire_(wire), members_(std::move(members)), ops_(ops), host_ops_(kernels::make_cpu_operations()) {
    own_ = static_cast<std::size_t>(std::find(members_.begin(), members_.end(), wire.rank()) - members_.begin());
    parts_.resize(gradient_bytes + members_.size() * sizeof(double));
    if (!on_cpu(ops)) host_.resize(gradient_bytes);
}

void HostPeers::average(const Tensor& values) {
    if (host_.empty()) return average_on_host(values);
    const Tensor copy{host_.data(), values.dtype, values.shape, {}};
    if (values.bytes() > host_.size()) throw InternalError("replicas", "a gradient is larger than planned");
    ops_.copy(values, copy);
    average_on_host(copy);
    ops_.copy(copy, values);
}

void HostPeers::average_on_host(const Tensor& values) {
    const std::size_t count = members_.size(), element = size_of(values.dtype), all = values.bytes() / element;
    const auto begin = [&](std::size_t m) { return all * m / count; };
    const auto share = [&](std::size_t m, void* data) {
        return Tensor{data, values.dtype, Shape{static_cast<std::int64_t>(begin(m + 1) - begin(m))}, {}};
    };
    const auto part = [&](std::size_t m) { return share(m, static_cast<std::byte*>(values.data) + begin(m) * element); };
    const std::size_t own_bytes = part(own_).bytes();
    if (count * own_bytes > parts_.size()) throw InternalError("replicas", "a gradient is larger than planned");
    std::vector<Tensor> own_parts;
    for (std::size_t m = 0; m < count; ++m)
        own_parts.push_back(m == own_ ? part(own_) : share(own_, parts_.data() + m * own_bytes));
    const auto exchange = [&](auto&& outgoing, auto&& incoming) {
        for (std::size_t m = 0; m < count; ++m)
            if (m != own_) {
                const Tensor in = incoming(m);
                messages_.emplace_back(members_[m], wire_.receive(members_[m], Wire::gradient, in.data, in.bytes()));
            }
        for (std::size_t m = 0; m < count; ++m)
            if (m != own_) {
                const Tensor out = outgoing(m);
                messages_.emplace_back(members_[m], wire_.send(members_[m], Wire::gradient, out.data, out.bytes()));
            }
        wait_all();
    };
    exchange(part, [&](std::size_t m) { return own_parts[m]; });
    // Into the place of part 0, which is this process's own or scratch memory, then where it belongs.
    if (own_bytes > 0) {
        const Tensor mean = own_parts[own_ == 0 ? 1 : 0];
        mean_in_order(*host_ops_, own_parts, mean);
        host_ops_->copy(mean, part(own_));
    }
    exchange([&](std::size_t) { return part(own_); }, part);
}

void HostPeers::wait_all() {
    for (auto& [other, message] : messages_) wire_.wait(*message, other, "averaging gradients");
    messages_.clear();
}

}  // namespace gleam::greedy
