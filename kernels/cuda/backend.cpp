#include "kernels/cuda/backend.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/cuda/cublas.hpp"
#include "kernels/cuda/cufft.hpp"
#include "kernels/cuda/plan_cache.hpp"
#include "kernels/cuda/runtime.hpp"

namespace gleam::cuda {

using namespace kernels;

namespace {

bool on_host(const Tensor& t) { return t.device.kind == DeviceKind::cpu; }

// A stream that does not wait for the default one, which nothing here uses.
class CudaStream {
public:
    explicit CudaStream(int device) {
        require_gpu(device);
        check(cudaSetDevice(device), "choosing the GPU");
        check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    }
    CudaStream(const CudaStream&) = delete;
    CudaStream& operator=(const CudaStream&) = delete;
    ~CudaStream() { cudaStreamDestroy(stream_); }
    cudaStream_t get() const { return stream_; }

private:
    cudaStream_t stream_ = nullptr;
};

class CudnnHandle {
public:
    explicit CudnnHandle(cudaStream_t stream) {
        check(cudnnCreate(&handle_), "starting");
        check(cudnnSetStream(handle_, stream), "choosing the stream");
    }
    CudnnHandle(const CudnnHandle&) = delete;
    CudnnHandle& operator=(const CudnnHandle&) = delete;
    ~CudnnHandle() { cudnnDestroy(handle_); }
    cudnnHandle_t get() const { return handle_; }

private:
    cudnnHandle_t handle_ = nullptr;
};

// Books the scratch memory of a convolution; the plan is null where it is a product of matrices.
Lease book(const cu::WideConvolution& c, ConvolutionPlans& plans, Arena& workspace, const ConvolutionPlan*& plan) {
    plan = is_matrix_product(c) ? nullptr : &plans.find(Convolution::of(c));
    return workspace.acquire("convolution", plan ? plan->workspace() : cublas_workspace);
}

class CudaBackend final : public cu::GpuBackend {
public:
    explicit CudaBackend(int index)
        : index_(index),
          stream_(index),
          allocator_(stream_.get()),
          staging_(stream_.get()),
          cudnn_(stream_.get()),
          plans_(DeviceDescription::of_device(index)),
          fourier_(stream_.get()),
          products_(stream_.get()) {}
    ~CudaBackend() override { cudaStreamSynchronize(stream_.get()); }

    Device device() const override { return Device{DeviceKind::cuda, index_}; }
    Allocator& allocator() override { return allocator_; }
    std::size_t total_memory() const override {
        std::size_t left = 0, all = 0;
        check(cudaMemGetInfo(&left, &all), "asking for the memory");
        return all;
    }
    cu::Stream stream() override { return cu::Stream{stream_.get()}; }

    void repeat(std::unique_ptr<Recording>& recording, const std::function<void()>& work) override {
        if (!recording) recording = std::make_unique<CudaGraph>(stream_.get(), work);
        static_cast<const CudaGraph&>(*recording).launch(stream_.get());
    }

    void copy(const Tensor& from, const Tensor& to) override {
        if (on_host(from)) return staging_.upload(from.data, to.data, from.bytes());
        if (on_host(to)) {
            count_wait();
            return staging_.download(from.data, to.data, from.bytes());
        }
        check(cudaMemcpyAsync(to.data, from.data, from.bytes(), cudaMemcpyDeviceToDevice, stream_.get()), "copying");
    }
    void fill(const Tensor& out, unsigned char byte) override {
        check(cudaMemsetAsync(out.data, byte, out.bytes(), stream_.get()), "filling");
    }
    void synchronize() override {
        count_wait();
        check(cudaStreamSynchronize(stream_.get()), "waiting for the GPU");
    }
    void mark(std::unique_ptr<Event>& event) override {
        if (!event) event = std::make_unique<CudaEvent>();
        static_cast<CudaEvent&>(*event).record(stream_.get());
    }
    void wait_for(const Event& event) override { static_cast<const CudaEvent&>(event).hold_back(stream_.get()); }

    void fourier(FftDirection direction, const cu::FourierBatch& batch, const Tensor& x, Arena& workspace,
                 bool planning) override {
        fourier_.run(direction, batch, x, workspace, planning);
    }
    void convolve(const cu::WideConvolution& c, Arena& workspace, bool planning) override {
        const ConvolutionPlan* plan = nullptr;
        const Lease scratch = book(c, plans_, workspace, plan);
        if (planning) return;
        if (plan)
            plan->execute(cudnn_.get(), c.x.data, c.weights.data, c.y.data, scratch.data());
        else
            products_.run(as_matrix_product(c), c.tf32, scratch.data());
    }

private:
    int index_;
    CudaStream stream_;
    CudaAllocator allocator_;
    Staging staging_;
    CudnnHandle cudnn_;
    ConvolutionPlans plans_;
    FourierPlans fourier_;
    MatrixProducts products_;
};

// Memory that nobody may touch: there is none.
class NoMemory final : public Allocator {
    void* do_allocate(std::size_t) override { return reinterpret_cast<void*>(memory_alignment); }
    void do_release(void*) noexcept override {}
    void do_lend(void*, std::size_t) noexcept override {}
    void do_withhold(void*, std::size_t) noexcept override {}
};

class PlanningBackend final : public cu::GpuBackend {
public:
    explicit PlanningBackend(const std::string& model) : plans_(DeviceDescription::of_model(model), fs::path()) {}

    Device device() const override { return Device{DeviceKind::cuda, 0}; }
    Allocator& allocator() override { return memory_; }
    std::size_t total_memory() const override { return plans_.device().total_memory(); }
    cu::Stream stream() override { refuse(); }
    void repeat(std::unique_ptr<Recording>&, const std::function<void()>&) override { refuse(); }
    void copy(const Tensor&, const Tensor&) override { refuse(); }
    void fill(const Tensor&, unsigned char) override { refuse(); }
    void synchronize() override {}
    void mark(std::unique_ptr<Event>&) override {}
    void wait_for(const Event&) override {}

    void fourier(FftDirection, const cu::FourierBatch& batch, const Tensor& x, Arena& workspace, bool planning) override {
        std::size_t bytes = 0;
        for (const cu::FourierPass& pass : fourier_passes(batch))
            bytes = std::max(bytes, FourierPlans::assumed_workspace(pass, x.dtype));
        const Lease scratch = workspace.acquire("fft", bytes);
        if (!planning) refuse();
    }
    void convolve(const cu::WideConvolution& c, Arena& workspace, bool planning) override {
        const ConvolutionPlan* plan = nullptr;
        const Lease scratch = book(c, plans_, workspace, plan);
        if (!planning) refuse();
    }

private:
    [[noreturn]] static void refuse() { throw InternalError("planning for a GPU", "there is no GPU to compute with"); }

    NoMemory memory_;
    ConvolutionPlans plans_;
};

std::string cudnn_version() {
    const std::size_t v = cudnnGetVersion();
    return std::to_string(v / 10000) + "." + std::to_string(v % 10000 / 100) + "." + std::to_string(v % 100);
}

}  // namespace

std::unique_ptr<Operations> make_cuda_operations(int index) {
    return std::make_unique<cu::GpuOperations>(std::make_unique<CudaBackend>(index));
}

std::unique_ptr<Operations> make_cuda_planner(const std::string& model) {
    return std::make_unique<cu::GpuOperations>(std::make_unique<PlanningBackend>(model));
}

LibraryVersions cuda_libraries() {
    int runtime = 0;
    cudaRuntimeGetVersion(&runtime);
    return {
        {"CUDA", version_text(runtime)}, {"cuDNN", cudnn_version()}, {"cuFFT", cufft_version()}, {"cuBLAS", cublas_version()}};
}

}  // namespace gleam::cuda
