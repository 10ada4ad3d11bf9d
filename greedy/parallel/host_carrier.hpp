// Images and gradients through the memory of the hosts, by wire: for the CPU, and for GPUs that nothing connects directly.
#pragma once

#include <array>

#include "greedy/parallel/carrier.hpp"
#include "greedy/parallel/wire.hpp"

namespace gleam::greedy {

class HostCarrier final : public Carrier {
public:
    // The other end is process `other`.
    HostCarrier(Wire& wire, int other, kernels::Operations& ops, std::size_t image_bytes);

    void start(std::size_t slot, const Tensor& image) override;
    void finish(std::size_t slot, const std::string& what) override;
    void post(std::size_t slot) override;
    void receive(std::size_t slot, const Tensor& image, const std::string& what) override;

private:
    // Where the wire reads and writes: the device's memory if it is the host's.
    void* place(std::size_t slot, const Tensor& image);
    Tensor on_host(std::size_t slot, const Tensor& like) {
        return {host_.data() + slot * slot_bytes(), like.dtype, like.shape, {}};
    }

    Wire& wire_;
    int other_;
    std::vector<std::byte> host_;
    std::array<std::unique_ptr<Wire::Message>, slots> messages_;
};

class HostPeers final : public Peers {
public:
    // `members`: the processes, in the order of replicas, this one among them.
    HostPeers(Wire& wire, std::vector<int> members, kernels::Operations& ops, std::size_t gradient_bytes);

    void average(const Tensor& values) override;

private:
    void exchange(const std::vector<Tensor>& outgoing, const std::vector<Tensor>& incoming);
    void average_on_host(const Tensor& values);

    Wire& wire_;
    std::vector<int> members_;
    int own_ = 0;  // place among them
    kernels::Operations& ops_;
    std::unique_ptr<kernels::Operations> host_ops_;
    std::vector<std::byte> scratch_, host_;
};

}  // namespace gleam::greedy
