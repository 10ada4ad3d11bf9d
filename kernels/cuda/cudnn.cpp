#include "kernels/cuda/cudnn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.hpp"
#include "kernels/cuda/device_models.hpp"

namespace gleam::cuda {

using kernels::cu::ConvolutionPass;

void check(cudnnStatus_t status, const char* what) {
    if (status == CUDNN_STATUS_SUCCESS) return;
    char detail[256] = "";
    cudnnGetLastErrorString(detail, sizeof detail);
    throw DeviceError(std::string("cuDNN, ") + what, std::string(cudnnGetErrorString(status)) + (*detail ? ": " : "") + detail,
                      "");
}

// ---- descriptors -------------------------------------------------------------------------------------------------------------

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
    cudnnBackendDescriptor_t raw = nullptr;
    check(cudnnBackendCreateDescriptor(type, &raw), "making a descriptor");
    handle_ = std::shared_ptr<void>(raw, [](void* p) { cudnnBackendDestroyDescriptor(p); });
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                            const void* values) {
    check(cudnnBackendSetAttribute(get(), name, type, count, values), "setting an attribute");
    return *this;
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
    const cudnnBackendDescriptor_t raw = value.get();
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &raw);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, std::int64_t value) {
    return set(name, CUDNN_TYPE_INT64, 1, &value);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
    return set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}

Descriptor& Descriptor::set_text(cudnnBackendAttributeName_t name, const std::string& text) {
    return set(name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size()), text.data());
}

std::string Descriptor::text(cudnnBackendAttributeName_t name) const {
    std::int64_t size = 0;
    check(cudnnBackendGetAttribute(get(), name, CUDNN_TYPE_CHAR, 0, &size, nullptr), "measuring a text");
    std::string text(static_cast<std::size_t>(size), '\0');
    check(cudnnBackendGetAttribute(get(), name, CUDNN_TYPE_CHAR, size, &size, text.data()), "reading a text");
    text.resize(std::min(text.size(), text.find('\0')));
    return text;
}

// ---- devices -----------------------------------------------------------------------------------------------------------------

DeviceDescription DeviceDescription::of_device(int index) {
    Descriptor d(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    const std::int32_t id = index;
    d.set(CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1, &id).finalize();
    return DeviceDescription(std::move(d));
}

DeviceDescription DeviceDescription::from_json(const std::string& json) {
    Descriptor d(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    d.set_text(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, json).finalize();
    return DeviceDescription(std::move(d));
}

DeviceDescription DeviceDescription::of_model(const std::string& model) {
    std::string known;
    for (const DeviceModel& m : device_models) {
        if (model == m.name) return from_json(m.json);
        known += (known.empty() ? "" : ", ") + std::string(m.name);
    }
    throw DeviceError("device " + model, "there is no such device, and no GPU of that name is known", "models known: " + known);
}

std::string DeviceDescription::name() const {
    const auto json = nlohmann::json::parse(this->json(), nullptr, false);
    return json.is_object() ? json.value("deviceName", std::string("GPU")) : "GPU";
}

std::size_t DeviceDescription::total_memory() const {
    const auto json = nlohmann::json::parse(this->json(), nullptr, false);
    return json.is_object() ? json.value("totalGlobalMem", std::size_t{0}) : 0;
}

// ---- a convolution as a graph
// --------------------------------------------------------------------------------------------------

namespace {

enum Id : std::int64_t { x_id = 1, weights_id, y_id };

cudnnDataType_t type_of(DType t) {
    return t == DType::bf16 ? CUDNN_DATA_BFLOAT16 : t == DType::f64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
}

// A channels-last tensor [N,D,H,W,C] in cuDNN's order of axes: N, C, (D,) H, W. Planes of a plane-wise convolution are samples.
Descriptor tensor(std::int64_t id, DType dtype, const Shape& s, bool planar) {
    std::vector<std::int64_t> dims{s[0], s[4], s[1], s[2], s[3]};
    std::vector<std::int64_t> strides{s[1] * s[2] * s[3] * s[4], 1, s[2] * s[3] * s[4], s[3] * s[4], s[4]};
    if (planar) {
        dims = {s[0] * s[1], s[4], s[2], s[3]};
        strides = {s[2] * s[3] * s[4], 1, s[3] * s[4], s[4]};
    }
    const cudnnDataType_t type = type_of(dtype);
    Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type)
        .set(CUDNN_ATTR_TENSOR_DIMENSIONS, dims)
        .set(CUDNN_ATTR_TENSOR_STRIDES, strides)
        .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id)
        .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 16);
    return d.finalize();
}

Descriptor graph_of(const Convolution& c) {
    const bool planar = c.taps[0] == 1 && c.padding[0] == 0;
    std::vector<std::int64_t> padding(c.padding.begin() + (planar ? 1 : 0), c.padding.end()), ones(padding.size(), 1);
    const cudnnDataType_t compute = c.dtype == DType::f64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, static_cast<std::int64_t>(ones.size()))
        .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &compute)
        .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode)
        .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, padding)
        .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, padding)
        .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, ones)
        .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, ones)
        .finalize();

    struct Names {
        cudnnBackendDescriptorType_t type;
        cudnnBackendAttributeName_t description, x, weights, y, alpha, beta;
    };
    static constexpr Names names[] = {
        {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
         CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
        {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
        {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
         CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
    };
    const Names& n = names[static_cast<int>(c.pass)];
    const double one = 1, zero = 0;
    const float one_f = 1, zero_f = 0;
    const bool wide = c.dtype == DType::f64;
    const cudnnBackendAttributeType_t scalar = wide ? CUDNN_TYPE_DOUBLE : CUDNN_TYPE_FLOAT;
    Descriptor operation(n.type);
    operation.set(n.description, convolution)
        .set(n.x, tensor(x_id, c.dtype, c.x, planar))
        .set(n.weights, tensor(weights_id, c.dtype, c.weights(), planar))
        .set(n.y, tensor(y_id, c.dtype, c.y, planar))
        .set(n.alpha, scalar, 1, wide ? static_cast<const void*>(&one) : &one_f)
        .set(n.beta, scalar, 1, wide ? static_cast<const void*>(&zero) : &zero_f)
        .finalize();
    Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
    return graph.finalize();
}

// cuDNN's suggestions, best first.
std::vector<Descriptor> suggestions(const Descriptor& graph, const DeviceDescription& device) {
    std::vector<Descriptor> all;
    for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
        Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
        heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
            .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode)
            .set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, device.descriptor());
        if (heuristics.try_finalize() != CUDNN_STATUS_SUCCESS) continue;
        std::int64_t count = 0;
        check(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count,
                                       nullptr),
              "counting suggestions");
        std::vector<Descriptor> found;
        std::vector<cudnnBackendDescriptor_t> raw;
        for (std::int64_t i = 0; i < count; ++i) {
            found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
            raw.push_back(found.back().get());
        }
        check(cudnnBackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count,
                                       &count, raw.data()),
              "reading suggestions");
        found.resize(static_cast<std::size_t>(count));
        all.insert(all.end(), found.begin(), found.end());
    }
    return all;
}

bool suits(const Descriptor& configuration, const Convolution& c) {
    const Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    cudnnBackendDescriptor_t raw = engine.get();
    std::int64_t count = 0;
    check(cudnnBackendGetAttribute(configuration.get(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count,
                                   &raw),
          "reading an engine");
    const auto notes = engine.values<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                                                  CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
    const auto behaviour = engine.values<cudnnBackendBehaviorNote_t>(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
                                                                     CUDNN_BEHAVIOR_NOTE_TYPE_COUNT);
    for (const cudnnBackendBehaviorNote_t note : behaviour)
        if (note == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) return false;
    for (const cudnnBackendNumericalNote_t note : notes) {
        // bf16 products are exact in f32, so tensor cores lose nothing there.
        const bool cores = note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE, rounded = note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
        if (cores && c.dtype == DType::f32 && !c.tf32) return false;
        if (rounded && !(c.tf32 && c.dtype == DType::f32)) return false;
        if (!cores && !rounded && note != CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP) return false;
    }
    return true;
}

// The plan of a configuration, if it can be had.
std::optional<Descriptor> plan_of(const Descriptor& configuration, const DeviceDescription& device) {
    Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration)
        .set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device.descriptor());
    if (plan.try_finalize() != CUDNN_STATUS_SUCCESS) return std::nullopt;
    return plan;
}

std::size_t workspace_of(const Descriptor& plan) {
    return static_cast<std::size_t>(
        plan.values<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1).at(0));
}

}  // namespace

std::string Convolution::key() const {
    static constexpr const char* passes[] = {"forward", "data", "weights"};
    return fmt::format("{} {} {} x{} y{} taps[{},{},{}] padding[{},{},{}]", passes[static_cast<int>(pass)], name_of(dtype),
                       tf32 ? "tf32" : "strict", x.str(), y.str(), taps[0], taps[1], taps[2], padding[0], padding[1], padding[2]);
}

Convolution Convolution::of(const kernels::cu::WideConvolution& c) {
    const Shape& w = c.weights.shape;
    return {c.pass, c.x.dtype, c.tf32 && c.x.dtype == DType::f32, c.x.shape, c.y.shape, {w[1], w[2], w[3]}, c.padding};
}

std::array<std::int64_t, 19> Convolution::numbers() const {
    std::array<std::int64_t, 19> n{static_cast<int>(pass), static_cast<int>(dtype), tf32};
    auto next = n.begin() + 3;
    for (const Shape& s : {x, y})
        for (int i = 0; i < 5; ++i) *next++ = s[i];
    next = std::copy(taps.begin(), taps.end(), next);
    std::copy(padding.begin(), padding.end(), next);
    return n;
}

std::size_t Convolution::budget() const {
    return (std::size_t{16} << 20) + static_cast<std::size_t>(std::max(x.elements(), y.elements())) * size_of(dtype);
}

ConvolutionPlan::ConvolutionPlan(const Convolution& c, const DeviceDescription& device) {
    const Descriptor graph = graph_of(c);
    int suitable = 0, too_large = 0;
    for (const Descriptor& configuration : suggestions(graph, device)) {
        if (!suits(configuration, c)) continue;
        ++suitable;
        const std::optional<Descriptor> plan = plan_of(configuration, device);
        if (!plan) continue;
        workspace_ = workspace_of(*plan);
        plan_ = *plan;
        if (workspace_ <= c.budget()) return;
        ++too_large;
    }
    throw DeviceError(
        "cuDNN, " + c.key(),
        fmt::format("no plan: {} suggestions give the same bits every time in this arithmetic, {} of them need more "
                    "scratch memory than {} bytes",
                    suitable, too_large, c.budget()),
        "choose another precision, or device: cpu");
}

ConvolutionPlan::ConvolutionPlan(const std::string& json, const DeviceDescription& device)
    : plan_(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    plan_.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, device.descriptor())
        .set_text(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, json)
        .finalize();
    workspace_ = workspace_of(plan_);
}

void ConvolutionPlan::execute(cudnnHandle_t handle, const void* x, const void* weights, const void* y, void* scratch) const {
    const std::int64_t ids[] = {x_id, weights_id, y_id};
    const void* data[] = {x, weights, y};
    Descriptor variant(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    variant.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 3, ids)
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, data)
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &scratch)
        .finalize();
    check(cudnnBackendExecute(handle, plan_.get(), variant.get()), "running a convolution");
}

Suggestions count_suggestions(const Convolution& c, const DeviceDescription& device) {
    Suggestions count;
    for (const Descriptor& configuration : suggestions(graph_of(c), device)) {
        ++count.all;
        if (suits(configuration, c)) ++count.suitable;
    }
    return count;
}

}  // namespace gleam::cuda
