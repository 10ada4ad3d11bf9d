// Images and gradients from GPU to GPU by NCCL's point-to-point calls.
//
// Every edge and every group of replicas has a communicator and a stream of its own, so that one that stalls holds up no other.
// Streams wait for streams, by events; the host waits for nothing but the making of a communicator. A receive is put into its
// stream when the header has come, not before: a kernel of NCCL that waits keeps a part of the GPU busy.
//
// Several GPUs have not been tried: there was one at most. What one GPU can show, its communication with itself, test_nccl does.
#pragma once

#include <cuda_runtime.h>
#include <nccl.h>

#include <array>

#include "greedy/parallel/carrier.hpp"

namespace gleam::greedy::nccl {

// A point in a stream, for which another one waits.
class StreamEvent {
public:
    StreamEvent();
    StreamEvent(const StreamEvent&) = delete;
    StreamEvent& operator=(const StreamEvent&) = delete;
    ~StreamEvent();
    void record(cudaStream_t stream);
    void hold_back(cudaStream_t stream) const;

private:
    cudaEvent_t event_ = nullptr;
};

// One member's communicator and stream.
class Link {
public:
    // Waits for the other members, at most until the deadline (CommunicationError). `ops` computes on the member's GPU.
    Link(kernels::Operations& ops, const Letter& connection, int member, int count, std::chrono::milliseconds deadline);
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link();

    // In the link's stream; several between group_begin() and group_end() at the same time. CommunicationError when another
    // member is lost.
    void send(const void* data, std::size_t bytes, int to);
    void receive(void* data, std::size_t bytes, int from);
    void group_begin();
    void group_end();

    cudaStream_t stream() const { return stream_; }
    cudaStream_t computing() const { return computing_; }  // that of the operations

private:
    void check(ncclResult_t result, const char* what);

    cudaStream_t computing_ = nullptr, stream_ = nullptr;
    ncclComm_t communicator_ = nullptr;
    bool grouped_ = false;
};

Letter new_connection();
// The host and the bus of the GPU that `ops` computes on.
std::string gpu_name(kernels::Operations& ops);

class NcclCarrier final : public Carrier {
public:
    NcclCarrier(kernels::Operations& ops, std::size_t image_bytes, const Letter& connection, bool sender,
                std::chrono::milliseconds deadline);

    void start(std::size_t slot, const Tensor& image) override;
    void finish(std::size_t slot, const std::string& what) override;
    void post(std::size_t slot) override;
    void receive(std::size_t slot, const Tensor& image, const std::string& what) override;

private:
    Link link_;
    StreamEvent written_, arrived_;
    std::array<StreamEvent, slots> sent_, read_;
};

class NcclPeers final : public Peers {
public:
    NcclPeers(kernels::Operations& ops, std::size_t gradient_bytes, const Letter& connection, int index, int count,
              std::chrono::milliseconds deadline);

    void average(const Tensor& values) override;

private:
    void exchange(const std::vector<Tensor>& outgoing, const std::vector<Tensor>& incoming);

    kernels::Operations& ops_;
    Link link_;
    StreamEvent computed_, exchanged_;
    Memory scratch_;
    int own_, count_;
};

}  // namespace gleam::greedy::nccl
