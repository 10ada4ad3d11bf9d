#include "kernels/cuda/cuda_kernels.hpp"

#include <cuda_runtime.h>

#include <string>
#include <vector>

#include "core/error.hpp"
#include "kernels/cu/gpu_operations.hpp"
#include "kernels/emu/host_libraries.hpp"

namespace gleam::kernels {
namespace {

void check(cudaError_t status, const char* what) {
    if (status != cudaSuccess)
        throw DeviceError(std::string("CUDA, ") + what, std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status),
                          "");
}

class CudaAllocator final : public Allocator {
    void* do_allocate(std::size_t bytes) override {
        void* p = nullptr;
        if (cudaMalloc(&p, bytes) == cudaSuccess) return p;
        cudaGetLastError();  // would be reported by the next call otherwise
        return nullptr;
    }
    void do_release(void* p) noexcept override { cudaFree(p); }
};

class CudaKernelBackend final : public cu::GpuBackend {
public:
    explicit CudaKernelBackend(int index) : index_(index) {
        int devices = 0;
        const cudaError_t status = cudaGetDeviceCount(&devices);
        if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice || (status == cudaSuccess && devices <= index)) {
            cudaGetLastError();
            throw DeviceError("cuda:" + std::to_string(index),
                              status == cudaErrorInsufficientDriver ? "there is no NVIDIA driver, or it is too old for this CUDA"
                                                                    : "there is no such GPU",
                              "nvidia-smi lists driver and GPUs");
        }
        check(status, "counting devices");
        check(cudaSetDevice(index), "choosing the device");
        check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    }
    CudaKernelBackend(const CudaKernelBackend&) = delete;
    CudaKernelBackend& operator=(const CudaKernelBackend&) = delete;
    ~CudaKernelBackend() override { cudaStreamDestroy(stream_); }

    Device device() const override { return Device{DeviceKind::cuda, index_}; }
    Allocator& allocator() override { return allocator_; }
    cu::Stream stream() override { return cu::Stream{stream_}; }

    void copy(const Tensor& from, const Tensor& to) override {
        check(cudaMemcpyAsync(to.data, from.data, from.bytes(), cudaMemcpyDefault, stream_), "copying");
        if (from.device.kind == DeviceKind::cpu || to.device.kind == DeviceKind::cpu)
            check(cudaStreamSynchronize(stream_), "copying from or to the host");
    }
    void fill(const Tensor& out, unsigned char byte) override {
        check(cudaMemsetAsync(out.data, byte, out.bytes(), stream_), "filling");
    }

    void fourier(FftDirection direction, const cu::FourierBatch& batch, const Tensor& x, Arena&, bool planning) override {
        if (planning) return;
        const HostCopy data(*this, x);
        libraries_.fourier(direction, batch, data.tensor);
        copy(data.tensor, x);
    }
    void convolution(const Tensor& x, const Tensor& weights, const Tensor* bias, const Padding& padding, const Tensor& y, Arena&,
                     bool planning) override {
        if (planning) return;
        const HostCopy hx(*this, x), hw(*this, weights), hb(*this, bias ? *bias : weights), hy(*this, y);
        libraries_.convolutions().convolution(hx.tensor, hw.tensor, bias ? &hb.tensor : nullptr, padding, hy.tensor,
                                              libraries_.workspace());
        copy(hy.tensor, y);
    }
    void convolution_data(const Tensor& dy, const Tensor& weights, const Padding& padding, std::optional<double> slope,
                          const Tensor& dx, Arena&, bool planning) override {
        if (planning) return;
        const HostCopy hy(*this, dy), hw(*this, weights), hx(*this, dx);
        libraries_.convolutions().convolution_data(hy.tensor, hw.tensor, padding, slope, hx.tensor, libraries_.workspace());
        copy(hx.tensor, dx);
    }
    void convolution_weights_acc(const Tensor& x, const Tensor& dy, const Padding& padding, const Tensor& dweights,
                                 const Tensor* dbias, Arena&, bool planning) override {
        if (planning) return;
        const HostCopy hx(*this, x), hy(*this, dy), hw(*this, dweights), hb(*this, dbias ? *dbias : dweights);
        libraries_.convolutions().convolution_weights_acc(hx.tensor, hy.tensor, padding, hw.tensor, dbias ? &hb.tensor : nullptr,
                                                          libraries_.workspace());
        copy(hw.tensor, dweights);
        if (dbias) copy(hb.tensor, *dbias);
    }

private:
    // A tensor's numbers in host memory.
    struct HostCopy {
        std::vector<std::byte> bytes;
        Tensor tensor;
        HostCopy(CudaKernelBackend& backend, const Tensor& from) : bytes(from.bytes()), tensor(from) {
            tensor.data = bytes.data();
            tensor.device = Device{};
            backend.copy(from, tensor);
        }
    };

    int index_;
    CudaAllocator allocator_;
    cudaStream_t stream_ = nullptr;
    emu::HostLibraries libraries_;
};

}  // namespace

std::unique_ptr<Operations> make_cuda_kernel_operations(int index) {
    return std::make_unique<cu::GpuOperations>(std::make_unique<CudaKernelBackend>(index));
}

}  // namespace gleam::kernels
