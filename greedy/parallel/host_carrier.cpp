#include "greedy/parallel/host_carrier.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "greedy/parallel/averaging.hpp"
#include "kernels/cpu/cpu.hpp"

namespace gleam::greedy {
namespace {

bool on_cpu(kernels::Operations& ops) { return ops.device().kind == DeviceKind::cpu; }

}  // namespace

Memory device_memory(kernels::Operations& ops, std::size_t bytes, const char* purpose) {
    void* data = ops.allocator().allocate(bytes);
    if (!data) throw OutOfMemoryError(purpose, "the device could not give " + format_bytes(bytes));
    return {ops.allocator(), data, bytes};
}

Carrier::Carrier(kernels::Operations& ops, std::size_t image_bytes)
    : ops_(ops), bytes_(aligned(image_bytes)), memory_(device_memory(ops, slots * bytes_, "hand-off")) {}

Tensor Carrier::image(std::size_t slot, const Tensor& like) const {
    if (like.bytes() > bytes_) throw InternalError("hand-off", "an image is larger than planned");
    Tensor t = like;
    t.data = static_cast<char*>(memory_.data()) + slot * bytes_;
    return t;
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
    own_ = static_cast<int>(std::find(members_.begin(), members_.end(), wire.rank()) - members_.begin());
    scratch_.resize(share_scratch_bytes(gradient_bytes, static_cast<int>(members_.size())));
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
    average_by_shares(
        *host_ops_, values, own_, static_cast<int>(members_.size()), scratch_.data(), scratch_.size(),
        [this](const std::vector<Tensor>& outgoing, const std::vector<Tensor>& incoming) { exchange(outgoing, incoming); });
}

void HostPeers::exchange(const std::vector<Tensor>& outgoing, const std::vector<Tensor>& incoming) {
    std::vector<std::pair<int, std::unique_ptr<Wire::Message>>> messages;
    for (std::size_t m = 0; m < members_.size(); ++m)  // posted before anything is sent
        if (members_[m] != wire_.rank())
            messages.emplace_back(members_[m], wire_.receive(members_[m], Wire::gradient, incoming[m].data, incoming[m].bytes()));
    for (std::size_t m = 0; m < members_.size(); ++m)
        if (members_[m] != wire_.rank())
            messages.emplace_back(members_[m], wire_.send(members_[m], Wire::gradient, outgoing[m].data, outgoing[m].bytes()));
    for (auto& [other, message] : messages) wire_.wait(*message, other, "averaging gradients");
}

}  // namespace gleam::greedy
