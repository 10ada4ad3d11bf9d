#include "kernels/cuda/cufft.hpp"

#include <cufftXt.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"

namespace gleam::cuda {

using kernels::FftDirection;
using kernels::cu::FourierPass;

namespace {

void check(cufftResult status, const char* what) {
    if (status != CUFFT_SUCCESS)
        throw DeviceError(std::string("cuFFT, ") + what, fmt::format("error {}", static_cast<int>(status)),
                          "cufftResult in NVIDIA's documentation of cuFFT says what it means");
}

}  // namespace

FourierPlans::~FourierPlans() {
    for (const auto& [key, plan] : plans_) cufftDestroy(plan.handle);
}

const FourierPlans::Plan& FourierPlans::plan(const FourierPass& pass, DType dtype) {
    const auto [at, fresh] = plans_.try_emplace({dtype, pass});
    Plan& plan = at->second;
    if (!fresh) return plan;
    std::vector<long long> n(pass.extent.begin(), pass.extent.end());
    check(cufftCreate(&plan.handle), "making a plan");
    check(cufftSetAutoAllocation(plan.handle, 0), "choosing who allocates");
    const cudaDataType type = dtype == DType::c64 ? CUDA_C_32F : CUDA_C_64F;
    check(cufftXtMakePlanMany(plan.handle, static_cast<int>(n.size()), n.data(), n.data(), pass.stride, pass.distance, type,
                              n.data(), pass.stride, pass.distance, type, pass.batch, &plan.workspace, type),
          "planning");
    check(cufftSetStream(plan.handle, stream_), "choosing the stream");
    return plan;
}

void FourierPlans::run(FftDirection direction, const kernels::cu::FourierBatch& batch, const Tensor& x, Arena& workspace,
                       bool planning) {
    const std::vector<FourierPass> passes = fourier_passes(batch);
    std::size_t bytes = 0;
    for (const FourierPass& pass : passes) bytes = std::max(bytes, plan(pass, x.dtype).workspace);
    const Lease scratch = workspace.acquire("fft", bytes);
    if (planning) return;
    const int sign = direction == FftDirection::forward ? CUFFT_FORWARD : CUFFT_INVERSE;
    for (const FourierPass& pass : passes) {
        const Plan& p = plan(pass, x.dtype);
        check(cufftSetWorkArea(p.handle, scratch.data()), "giving scratch memory");
        for (std::int64_t r = 0; r < pass.repeats; ++r) {
            void* data = static_cast<char*>(x.data) + static_cast<std::size_t>(r * pass.step) * size_of(x.dtype);
            check(cufftXtExec(p.handle, data, data, sign), "transforming");
        }
    }
}

std::size_t FourierPlans::assumed_workspace(const FourierPass& pass, DType dtype) {
    return static_cast<std::size_t>(pass.elements()) * size_of(dtype);
}

std::string cufft_version() {
    int version = 0;
    check(cufftGetVersion(&version), "asking for the version");
    return fmt::format("{}.{}.{}", version / 1000, version % 1000 / 100, version % 100);
}

}  // namespace gleam::cuda
