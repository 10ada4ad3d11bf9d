// Products of matrices by cuBLAS: convolutions of single pixels.
#pragma once

#include <cublas_v2.h>

#include <string>

#include "kernels/cu/library_terms.hpp"

namespace gleam::cuda {

// Scratch memory that products are given; with a fixed amount of it, the same call gives the same bits.
inline constexpr std::size_t cublas_workspace = std::size_t{8} << 20;

class MatrixProducts {
public:
    explicit MatrixProducts(cudaStream_t stream);
    MatrixProducts(const MatrixProducts&) = delete;
    MatrixProducts& operator=(const MatrixProducts&) = delete;
    ~MatrixProducts();

    // c = op(a) op(b); `scratch`: cublas_workspace bytes.
    void run(const kernels::cu::MatrixProduct& product, bool tf32, void* scratch);

private:
    cublasHandle_t handle_ = nullptr;
};

std::string cublas_version();

}  // namespace gleam::cuda
