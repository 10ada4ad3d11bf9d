// describe_gpu [INDEX]: what cuDNN says of a GPU, which kernels/cuda/device_models.hpp is made from, what that file holds for
// the models it knows, and the rates of copies; as JSON. tools/gpu_check.sh runs it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>

#include "kernels/cuda/cudnn.hpp"
#include "kernels/cuda/device_models.hpp"
#include "kernels/cuda/runtime.hpp"

namespace {

using namespace gleam::cuda;

// Bytes per second of the fastest of ten copies; what is copied inside the GPU is read and written.
double rate_of_copies(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    cudaEvent_t begin = nullptr, end = nullptr;
    check(cudaEventCreate(&begin), "making an event");
    check(cudaEventCreate(&end), "making an event");
    float best = 1e30f;
    for (int i = 0; i < 11; ++i) {
        float milliseconds = 0;
        check(cudaEventRecord(begin), "recording an event");
        check(cudaMemcpyAsync(to, from, bytes, kind), "copying");
        check(cudaEventRecord(end), "recording an event");
        check(cudaEventSynchronize(end), "waiting for a copy");
        check(cudaEventElapsedTime(&milliseconds, begin, end), "reading a time");
        if (i > 0) best = std::min(best, milliseconds);
    }
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
    return static_cast<double>(bytes) * (kind == cudaMemcpyDeviceToDevice ? 2 : 1) / (1e-3 * static_cast<double>(best));
}

nlohmann::ordered_json measured_copies() {
    constexpr std::size_t bytes = std::size_t{1} << 30;  // many times what caches hold
    void *a = nullptr, *b = nullptr, *host = nullptr;
    check(cudaMalloc(&a, bytes), "allocating memory");
    check(cudaMalloc(&b, bytes), "allocating memory");
    check(cudaMallocHost(&host, bytes), "allocating pinned memory");
    check(cudaMemset(a, 1, bytes), "filling");
    nlohmann::ordered_json rates{{"copy_gbytes_per_s", 1e-9 * rate_of_copies(b, a, bytes, cudaMemcpyDeviceToDevice)},
                                 {"to_gpu_gbytes_per_s", 1e-9 * rate_of_copies(a, host, bytes, cudaMemcpyHostToDevice)},
                                 {"from_gpu_gbytes_per_s", 1e-9 * rate_of_copies(host, a, bytes, cudaMemcpyDeviceToHost)}};
    cudaFreeHost(host);
    cudaFree(b);
    cudaFree(a);
    return rates;
}

nlohmann::ordered_json parsed(const DeviceDescription& d) { return nlohmann::ordered_json::parse(d.json()); }

}  // namespace

int main(int argc, char** argv) {
    try {
        const int index = argc > 1 ? std::atoi(argv[1]) : 0;
        require_gpu(index);
        check(cudaSetDevice(index), "choosing the GPU");
        nlohmann::ordered_json json{{"gpu", describe_gpu(index)}, {"description", parsed(DeviceDescription::of_device(index))}};
        for (const gleam::cuda::DeviceModel& m : device_models)
            json["models"][m.name] = parsed(DeviceDescription::of_model(m.name));
        json["rates"] = measured_copies();
        fmt::print("{}\n", json.dump(1));
        return 0;
    } catch (const std::exception& e) {
        fmt::print(stderr, "describe_gpu: {}\n", e.what());
        return 3;
    }
}
