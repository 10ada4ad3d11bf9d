#include "kernels/cuda/cublas.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace gleam::cuda {
namespace {

void check(cublasStatus_t status, const char* what) {
    if (status != CUBLAS_STATUS_SUCCESS) throw DeviceError(std::string("cuBLAS, ") + what, cublasGetStatusString(status), "");
}

}  // namespace

MatrixProducts::MatrixProducts(cudaStream_t stream) {
    check(cublasCreate(&handle_), "starting");
    check(cublasSetStream(handle_, stream), "choosing the stream");
}

MatrixProducts::~MatrixProducts() { cublasDestroy(handle_); }

void MatrixProducts::run(const kernels::cu::MatrixProduct& p, bool tf32, void* scratch) {
    const DType dtype = p.a.dtype;
    const bool wide = dtype == DType::f64;
    const cudaDataType type = wide ? CUDA_R_64F : dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
    const cublasComputeType_t compute = wide                          ? CUBLAS_COMPUTE_64F_PEDANTIC
                                        : tf32 && dtype == DType::f32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                        : dtype == DType::f32         ? CUBLAS_COMPUTE_32F_PEDANTIC
                                                                      : CUBLAS_COMPUTE_32F;
    const float one_f = 1, zero_f = 0;
    const double one = 1, zero = 0;
    check(cublasSetWorkspace(handle_, scratch, cublas_workspace), "giving scratch memory");
    check(cublasGemmEx(handle_, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
                       static_cast<int>(p.m), static_cast<int>(p.n), static_cast<int>(p.k),
                       wide ? static_cast<const void*>(&one) : &one_f, p.a.data, type, static_cast<int>(p.lda), p.b.data, type,
                       static_cast<int>(p.ldb), wide ? static_cast<const void*>(&zero) : &zero_f, p.c.data, type,
                       static_cast<int>(p.ldc), compute, CUBLAS_GEMM_DEFAULT),
          "multiplying");
}

std::string cublas_version() {
    int major = 0, minor = 0, patch = 0;
    check(cublasGetProperty(MAJOR_VERSION, &major), "asking for the version");
    check(cublasGetProperty(MINOR_VERSION, &minor), "asking for the version");
    check(cublasGetProperty(PATCH_LEVEL, &patch), "asking for the version");
    return fmt::format("{}.{}.{}", major, minor, patch);
}

}  // namespace gleam::cuda
