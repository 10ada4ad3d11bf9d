#include "test/kernels/emu/planted_kernels.hpp"

#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>

#include "kernels/cu/simt.hpp"
#include "kernels/emu/memory.hpp"

namespace gleam::test {
namespace {

using namespace kernels::cu;

constexpr unsigned block = 64;

// ---- without a fault: sums by a tree in shared memory, then by shuffles; every thread of a block writes the block's sum ----
__global__ void good(const float* x, float* out) {
    SIMT_SHARED(float, part, [block]);
    const unsigned t = threadIdx.x;
    part[t] = x[blockIdx.x * block + t];
    __syncthreads();
    for (unsigned half = block / 2; half >= 32; half /= 2) {
        if (t < half) part[t] += part[t + half];
        __syncthreads();
    }
    float sum = part[t % 32];
    for (int with = 16; with > 0; with /= 2) sum += __shfl_xor_sync(0xffffffffU, sum, with);
    out[blockIdx.x * block + t] = sum;
}

// ---- memory ----------------------------------------------------------------------------------------------------------------
__global__ void past_the_end(const float* x, float* out) {
    const unsigned i = blockIdx.x * block + threadIdx.x;
    out[i + 1] = x[i];
}

__global__ void shared_index(const float* x, float* out) {
    SIMT_SHARED(float, part, [block]);
    part[threadIdx.x + 1] = x[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = part[threadIdx.x];
}

__global__ void uninitialised(const float* x, float* out) {
    SIMT_SHARED(float, part, [block]);
    if (threadIdx.x != 7) part[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = part[threadIdx.x];
}

__global__ void misaligned(const float* x, float* out) {
    using Four = simt::Pack<float, 4>;
    const Four v = *reinterpret_cast<const Four*>(x + 1 + 4 * (threadIdx.x % 8));
    for (int k = 0; k < 4; ++k) out[4 * (threadIdx.x % 8) + static_cast<unsigned>(k)] = v.v[k];
}

// ---- order
// ---------------------------------------------------------------------------------------------------------------------
__global__ void missing_barrier(const float* x, float* out) {
    SIMT_SHARED(float, part, [block]);
    part[threadIdx.x] = x[threadIdx.x];
    out[threadIdx.x] = part[block - 1 - threadIdx.x];
}

__global__ void write_after_read(const float* x, float* out) {
    SIMT_SHARED(float, part, [block]);
    float sum = 0;
    for (unsigned round = 0; round < 4; ++round) {
        part[threadIdx.x] = x[threadIdx.x] + static_cast<float>(round);
        __syncthreads();
        sum += part[(threadIdx.x + 1) % block];
        // here a barrier is missing
    }
    out[threadIdx.x] = sum;
}

__global__ void race_in_block(const float* x, float* out) { out[threadIdx.x % 7] += x[threadIdx.x]; }

__global__ void race_between_blocks(const float* x, float* out) {
    if (threadIdx.x == 0) out[0] += x[blockIdx.x * block];
}

__global__ void shuffle_is_no_barrier(const float* x, float* out) {
    SIMT_SHARED(float, part, [32]);
    part[threadIdx.x] = x[threadIdx.x];
    const float own = __shfl_sync(0xffffffffU, x[threadIdx.x], 0);
    out[threadIdx.x] = own + part[31 - threadIdx.x];
}

// ---- barriers and shuffles -------------------------------------------------------------------------------------------------
__global__ void divergent(const float* x, float* out) {
    if (threadIdx.x < block / 2)
        __syncthreads();
    else
        __syncthreads();
    out[threadIdx.x] = x[threadIdx.x];
}

__global__ void left_before_barrier(const float* x, float* out) {
    if (threadIdx.x == 5) return;
    __syncthreads();
    out[threadIdx.x] = x[threadIdx.x];
}

__global__ void mask_names_absent_lanes(const float* x, float* out) {
    float v = x[threadIdx.x];
    if (threadIdx.x < 16) v = __shfl_xor_sync(0xffffffffU, v, 1);
    out[threadIdx.x] = v;
}

__global__ void mask_lacks_caller(const float* x, float* out) {
    out[threadIdx.x] = __shfl_xor_sync(0x0000ffffU, x[threadIdx.x], 1);
}

__global__ void mask_lacks_source(const float* x, float* out) {
    float v = x[threadIdx.x];
    if (threadIdx.x < 16) v = __shfl_xor_sync(0x0000ffffU, v, 16);
    out[threadIdx.x] = v;
}

__global__ void too_much_shared(const float* x, float* out) {
    SIMT_SHARED(float, part, [12289]);
    part[threadIdx.x] = x[threadIdx.x];
    out[threadIdx.x] = part[threadIdx.x];
}

__global__ void nothing(const float*, float*) {}

using Kernel = void (*)(const float*, float*);

struct Planted {
    Kernel kernel;
    Extent blocks{1}, threads{block};
    std::size_t dynamic_shared = 0;
};

const std::map<std::string, Planted>& planted() {
    static const std::map<std::string, Planted> all{
        {"good", {good, {3}}},
        {"past_the_end", {past_the_end, {3}}},
        {"shared_index", {shared_index}},
        {"uninitialised", {uninitialised}},
        {"misaligned", {misaligned}},
        {"missing_barrier", {missing_barrier}},
        {"write_after_read", {write_after_read}},
        {"race_in_block", {race_in_block}},
        {"race_between_blocks", {race_between_blocks, {3}}},
        {"shuffle_is_no_barrier", {shuffle_is_no_barrier, {1}, {32}}},
        {"divergent", {divergent}},
        {"left_before_barrier", {left_before_barrier}},
        {"mask_names_absent_lanes", {mask_names_absent_lanes}},
        {"mask_lacks_caller", {mask_lacks_caller}},
        {"mask_lacks_source", {mask_lacks_source}},
        {"too_much_shared", {too_much_shared}},
        {"too_many_threads", {nothing, {1}, {1025}}},
        {"too_deep_a_block", {nothing, {1}, {1, 1, 65}}},
        {"too_high_a_grid", {nothing, {1, 65536}}},
        {"empty_grid", {nothing, {0}}},
        {"too_much_dynamic_shared", {nothing, {1}, {block}, 227 * 1024 + 1}},
    };
    return all;
}

}  // namespace

std::vector<float> run_planted(const std::string& name, emu::ThreadOrder order) {
    constexpr std::size_t n = 3 * block;
    std::vector<float> numbers(n);
    for (std::size_t i = 0; i < n; ++i) numbers[i] = static_cast<float>(i + 1);
    emu::StreamState stream{order};
    emu::EmuAllocator allocator(stream);
    const Memory x(allocator, allocator.allocate(n * sizeof(float)), 0), out(allocator, allocator.allocate(n * sizeof(float)), 0);
    {
        const emu::DeviceAccess access;
        std::memcpy(x.data(), numbers.data(), n * sizeof(float));
        std::memset(out.data(), 0, n * sizeof(float));
    }
    if (name == "host_access") return {static_cast<float*>(x.data())[3]};  // what no host code may do
    const Planted& p = planted().at(name);
    simt::launch(p.kernel, {name.c_str(), p.blocks, p.threads, p.dynamic_shared}, Stream{&stream},
                 DevicePtr<const float>(static_cast<const float*>(x.data())), DevicePtr<float>(static_cast<float*>(out.data())));
    const emu::DeviceAccess access;
    std::memcpy(numbers.data(), out.data(), n * sizeof(float));
    return numbers;
}

}  // namespace gleam::test
