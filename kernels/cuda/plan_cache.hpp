// The plans of a run's convolutions, chosen once per shape, and kept on disk from run to run: the same choice every time, and no
// waiting for cuDNN to make it again.
//
// gleam/cudnn-plans.json in the cache folder (core/files.hpp) holds one object per version of cuDNN and device, with cuDNN's own
// text of every plan under its key. GLEAM_CUDNN_PLANS names another file; empty: none.
#pragma once

#include <map>
#include <string>

#include "core/files.hpp"
#include "kernels/cuda/cudnn.hpp"

namespace gleam::cuda {

class ConvolutionPlans {
public:
    explicit ConvolutionPlans(DeviceDescription device, fs::path file = default_file());
    ConvolutionPlans(const ConvolutionPlans&) = delete;
    ConvolutionPlans& operator=(const ConvolutionPlans&) = delete;
    ~ConvolutionPlans();  // writes what is new

    const ConvolutionPlan& find(const Convolution& c);
    const DeviceDescription& device() const { return device_; }

    static fs::path default_file();

private:
    void read();
    void write() const;
    std::string group() const;  // "cuDNN 91900, NVIDIA H200"

    DeviceDescription device_;
    fs::path file_;
    std::map<std::string, std::string> texts_;  // by key
    std::map<Convolution, ConvolutionPlan> plans_;
    bool changed_ = false;
};

}  // namespace gleam::cuda
