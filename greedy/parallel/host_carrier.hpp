// Images and gradients through the memory of the hosts, by wire: for the CPU, and for GPUs that nothing connects directly.
#pragma once

#include <array>

#include "greedy/parallel/carrier.hpp"
#include "greedy/parallel/wire.hpp"

namespace gleam::greedy {

// out = the mean of `parts`, summed in their order.
void mean_in_order(kernels::Operations& ops, const std::vector<Tensor>& parts, const Tensor& out);

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

// Each of R peers takes a share of the numbers: gets it from all, averages it, and sends it to all.
class HostPeers final : public Peers {
public:
    // `members`: the processes, in the order of replicas, this one among them.
    HostPeers(Wire& wire, std::vector<int> members, kernels::Operations& ops, std::size_t gradient_bytes);

    void average(const Tensor& values) override;

private:
    void average_on_host(const Tensor& values);
    void wait_all();

    Wire& wire_;
    std::vector<int> members_;
    std::size_t own_ = 0;  // place among them
    kernels::Operations& ops_;
    std::unique_ptr<kernels::Operations> host_ops_;
    std::vector<std::byte> parts_, host_;
    std::vector<std::pair<int, std::unique_ptr<Wire::Message>>> messages_;
};

}  // namespace gleam::greedy
