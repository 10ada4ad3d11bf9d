// Calls of the CUDA runtime, checked; and what is said of a GPU that cannot be had.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <string>

#include "core/memory.hpp"
#include "kernels/operations.hpp"

namespace gleam::cuda {

void check(cudaError_t status, const char* what);  // throws DeviceError

// "13.0" of 13000, as CUDA writes versions.
std::string version_text(int version);

// Throws DeviceError unless GPU `index` can run this program's kernels: no driver, one that is too old, no such GPU, too old a
// GPU.
void require_gpu(int index);
// "NVIDIA H200, 139.8 GiB, compute capability 9.0"; as above.
std::string describe_gpu(int index);

// Memory of the current GPU.
class CudaAllocator final : public Allocator {
public:
    explicit CudaAllocator(cudaStream_t stream) : stream_(stream) {}

private:
    void* do_allocate(std::size_t bytes) override;
    void do_release(void* p) noexcept override;
    // Debug builds fill it with NaN, in the stream's order.
    void do_lend(void* p, std::size_t bytes) noexcept override;
    void do_withhold(void*, std::size_t) noexcept override {}

    cudaStream_t stream_;
};

// Copies between memory of the host that may be paged out and the GPU, through a ring of pinned buffers: the host never waits for
// work that came before in the stream, unless the ring is full.
class Staging {
public:
    explicit Staging(cudaStream_t stream) : stream_(stream) {}
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    ~Staging();

    void upload(const void* host, void* device, std::size_t bytes);    // returns when `host` may be changed
    void download(const void* device, void* host, std::size_t bytes);  // returns when it is there

private:
    static constexpr std::size_t piece = std::size_t{4} << 20;
    static constexpr int places = 4;
    struct Place {
        void* data = nullptr;
        cudaEvent_t used = nullptr;  // after the last copy that took it
    };
    Place& next();

    cudaStream_t stream_;
    Place ring_[places];
    int turn_ = 0;
};

// A point in a stream, which other streams of the process can wait for.
class CudaEvent final : public kernels::Event {
public:
    CudaEvent();
    CudaEvent(const CudaEvent&) = delete;
    CudaEvent& operator=(const CudaEvent&) = delete;
    ~CudaEvent() override;
    void record(cudaStream_t stream);
    void hold_back(cudaStream_t stream) const;  // until the point is reached

private:
    cudaEvent_t event_ = nullptr;
};

// Work recorded from a stream.
class CudaGraph final : public kernels::Recording {
public:
    CudaGraph(cudaStream_t stream, const std::function<void()>& work);
    CudaGraph(const CudaGraph&) = delete;
    CudaGraph& operator=(const CudaGraph&) = delete;
    ~CudaGraph() override;
    void launch(cudaStream_t stream) const;

private:
    cudaGraphExec_t graph_ = nullptr;
};

}  // namespace gleam::cuda
