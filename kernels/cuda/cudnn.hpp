// Convolutions by cuDNN 9: one convolution as a graph, and the plan that carries it out.
//
// Of the graph interface three operations are used, so that it is called through the few lines here; NVIDIA's C++ frontend would
// be 91 headers more (docs/adr/017-cudnn.md). Plans are made from a description of a device, which need not be there: what a step
// needs on a GPU is known, to the byte of its workspace, on any machine.
#pragma once

#include <cudnn.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/dtype.hpp"
#include "core/shape.hpp"
#include "kernels/cu/library_terms.hpp"

namespace gleam::cuda {

void check(cudnnStatus_t status, const char* what);  // throws DeviceError

// A descriptor of the backend; shared, since plans keep what they are made of.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(cudnnBackendDescriptorType_t type);

    cudnnBackendDescriptor_t get() const { return handle_.get(); }
    Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count, const void* values);
    Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value);
    Descriptor& set(cudnnBackendAttributeName_t name, std::int64_t value);
    Descriptor& set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values);
    Descriptor& set_text(cudnnBackendAttributeName_t name, const std::string& text);
    std::string text(cudnnBackendAttributeName_t name) const;
    // Values of an attribute, at most `most` of them.
    template <class T>
    std::vector<T> values(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t most) const {
        std::vector<T> v(static_cast<std::size_t>(most));
        std::int64_t count = 0;
        check(cudnnBackendGetAttribute(get(), name, type, most, &count, v.data()), "reading an attribute");
        v.resize(static_cast<std::size_t>(count < most ? count : most));
        return v;
    }
    cudnnStatus_t try_finalize() { return cudnnBackendFinalize(get()); }
    Descriptor& finalize() {
        check(try_finalize(), "finalizing a descriptor");
        return *this;
    }

private:
    std::shared_ptr<void> handle_;
};

// What plans are made for: a GPU in cuDNN's own words.
class DeviceDescription {
public:
    static DeviceDescription of_device(int index);                // that is there
    static DeviceDescription from_json(const std::string& json);  // or not
    // One this program knows by heart ("h200"); DeviceError where it does not, naming those it does.
    static DeviceDescription of_model(const std::string& model);

    const Descriptor& descriptor() const { return descriptor_; }
    std::string json() const { return descriptor_.text(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION); }
    std::string name() const;
    std::size_t total_memory() const;  // bytes

private:
    explicit DeviceDescription(Descriptor d) : descriptor_(std::move(d)) {}
    Descriptor descriptor_;
};

// A convolution by its sizes (kernels/cu/library_terms.hpp).
struct Convolution {
    kernels::cu::ConvolutionPass pass = kernels::cu::ConvolutionPass::forward;
    DType dtype = DType::f32;
    bool tf32 = false;  // f32 may be rounded on the way to tensor cores; else products and sums are in the type of the numbers
    Shape x, y;         // [N,D,H,W,I], [N,D',H',W',O]
    std::array<std::int64_t, 3> taps{1, 1, 1};
    kernels::Padding padding{0, 0, 0};

    static Convolution of(const kernels::cu::WideConvolution& c);
    Shape weights() const { return {y[4], taps[0], taps[1], taps[2], x[4]}; }
    // "forward f32 x[4,1,322,258,100] …": names plans in caches and messages.
    std::string key() const;
    friend auto operator<=>(const Convolution& a, const Convolution& b) { return a.numbers() <=> b.numbers(); }
    friend bool operator==(const Convolution& a, const Convolution& b) { return a.numbers() == b.numbers(); }
    // Bytes of scratch memory that a plan may take: 16 MiB and the larger of the images.
    std::size_t budget() const;

private:
    std::array<std::int64_t, 19> numbers() const;
};

class ConvolutionPlan {
public:
    // The first of cuDNN's own suggestions that gives the same bits every time, computes as `c` says, needs no compiler at run
    // time and fits the budget. DeviceError when there is none.
    ConvolutionPlan(const Convolution& c, const DeviceDescription& device);
    // The plan that json() gave before, for this device and version.
    ConvolutionPlan(const std::string& json, const DeviceDescription& device);

    std::size_t workspace() const { return workspace_; }
    std::string json() const { return plan_.text(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION); }

    // `scratch`: workspace() bytes of the device.
    void execute(cudnnHandle_t handle, const void* x, const void* weights, const void* y, void* scratch) const;

private:
    void read_workspace();
    Descriptor plan_;
    std::size_t workspace_ = 0;
};

struct Suggestions {
    int all = 0, suitable = 0;  // suitable: deterministic, in this arithmetic, without a compiler; whatever their workspace
};
Suggestions count_suggestions(const Convolution& c, const DeviceDescription& device);

}  // namespace gleam::cuda
