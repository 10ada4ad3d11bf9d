// The loss 1 - structural similarity on the CPU; its checks and its definition are those of Operations::loss_acc.
#pragma once

#include "core/arena.hpp"
#include "core/tensor.hpp"

namespace gleam::kernels::cpu {

// While `planning`, books its scratch memory and returns.
void ssim_loss_acc(double weight, const Tensor& x, const Tensor& target, const Tensor* gradient, const Tensor& value,
                   Arena& workspace, bool planning);

}  // namespace gleam::kernels::cpu
