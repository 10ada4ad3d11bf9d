#include "kernels/cuda/runtime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/arena.hpp"
#include "core/error.hpp"

namespace gleam::cuda {

void check(cudaError_t status, const char* what) {
    if (status == cudaSuccess) return;
    cudaGetLastError();  // would be reported by the next call otherwise
    const bool sticky =
        status == cudaErrorIllegalAddress || status == cudaErrorLaunchFailure || status == cudaErrorECCUncorrectable;
    throw DeviceError(std::string("CUDA, ") + what, std::string(cudaGetErrorName(status)) + ", " + cudaGetErrorString(status),
                      sticky ? "the GPU cannot be used by this process any more: start again, from the last checkpoint" : "");
}

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

void require_gpu(int index) {
    const std::string where = fmt::format("device cuda:{}", index);
    int devices = 0, driver = 0, runtime = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess) cudaGetLastError();
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (status == cudaErrorInsufficientDriver && driver == 0)
        throw DeviceError(where, "there is no NVIDIA driver", "install one for CUDA " + version_text(runtime) + " or later");
    if (status == cudaErrorInsufficientDriver)
        throw DeviceError(where,
                          fmt::format("the NVIDIA driver is too old: it knows CUDA {}, and this program needs {}",
                                      version_text(driver), version_text(runtime)),
                          "install a newer driver");
    if (status == cudaErrorNoDevice || (status == cudaSuccess && devices == 0))
        throw DeviceError(where, "the NVIDIA driver sees no GPU", "nvidia-smi lists GPUs; CUDA_VISIBLE_DEVICES may hide them");
    check(status, "counting GPUs");
    if (index >= devices) throw DeviceError(where, fmt::format("there are only {} GPUs here", devices), "nvidia-smi lists them");
    int major = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index), "asking for the compute capability");
    if (major < 8) throw DeviceError(where, "the GPU is older than compute capability 8.0", "use another one, or device: cpu");
}

std::string describe_gpu(int index) {
    require_gpu(index);
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, index), "asking for the GPU's properties");
    return fmt::format("{}, {}, compute capability {}.{}", properties.name, format_bytes(properties.totalGlobalMem),
                       properties.major, properties.minor);
}

void* CudaAllocator::do_allocate(std::size_t bytes) {
    void* p = nullptr;
    const cudaError_t status = cudaMalloc(&p, bytes);
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        return nullptr;
    }
    check(status, "allocating memory");
    return p;
}

void CudaAllocator::do_release(void* p) noexcept { cudaFree(p); }

#ifdef NDEBUG
void CudaAllocator::do_lend(void*, std::size_t) noexcept {}
#else
void CudaAllocator::do_lend(void* p, std::size_t bytes) noexcept { cudaMemsetAsync(p, 0xff, bytes, stream_); }
#endif

Staging::~Staging() {
    for (Place& place : ring_) {
        if (place.used) cudaEventDestroy(place.used);
        if (place.data) cudaFreeHost(place.data);
    }
}

Staging::Place& Staging::next() {
    Place& place = ring_[turn_];
    turn_ = (turn_ + 1) % places;
    if (!place.data) check(cudaMallocHost(&place.data, piece), "allocating pinned memory");
    if (!place.used)
        check(cudaEventCreateWithFlags(&place.used, cudaEventDisableTiming | cudaEventBlockingSync), "making an event");
    check(cudaEventSynchronize(place.used), "waiting for a copy");
    return place;
}

void Staging::upload(const void* host, void* device, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += piece) {
        const std::size_t n = std::min(piece, bytes - at);
        const Place& place = next();
        std::memcpy(place.data, static_cast<const char*>(host) + at, n);
        check(cudaMemcpyAsync(static_cast<char*>(device) + at, place.data, n, cudaMemcpyHostToDevice, stream_),
              "copying to the GPU");
        check(cudaEventRecord(place.used, stream_), "recording an event");
    }
}

void Staging::download(const void* device, void* host, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += piece) {
        const std::size_t n = std::min(piece, bytes - at);
        const Place& place = next();
        check(cudaMemcpyAsync(place.data, static_cast<const char*>(device) + at, n, cudaMemcpyDeviceToHost, stream_),
              "copying from the GPU");
        check(cudaEventRecord(place.used, stream_), "recording an event");
        check(cudaEventSynchronize(place.used), "waiting for the GPU");
        std::memcpy(static_cast<char*>(host) + at, place.data, n);
    }
}

CudaEvent::CudaEvent() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event"); }

CudaEvent::~CudaEvent() { cudaEventDestroy(event_); }

void CudaEvent::record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "recording an event"); }

void CudaEvent::hold_back(cudaStream_t stream) const { check(cudaStreamWaitEvent(stream, event_, 0), "waiting for an event"); }

CudaGraph::CudaGraph(cudaStream_t stream, const std::function<void()>& work) {
    cudaGraph_t recorded = nullptr;
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "beginning to record");
    try {
        work();
    } catch (...) {
        cudaStreamEndCapture(stream, &recorded);
        if (recorded) cudaGraphDestroy(recorded);
        throw;
    }
    check(cudaStreamEndCapture(stream, &recorded), "recording");
    const cudaError_t status = cudaGraphInstantiate(&graph_, recorded, 0);
    cudaGraphDestroy(recorded);
    check(status, "making a graph of what was recorded");
}

CudaGraph::~CudaGraph() { cudaGraphExecDestroy(graph_); }

void CudaGraph::launch(cudaStream_t stream) const { check(cudaGraphLaunch(graph_, stream), "launching a graph"); }

}  // namespace gleam::cuda
