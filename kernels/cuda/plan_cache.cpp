#include "kernels/cuda/plan_cache.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/log.hpp"

namespace gleam::cuda {

using Json = nlohmann::ordered_json;

namespace {

// A file that cannot be read is as good as none: it is written anew.
Json read_json(const fs::path& file) {
    std::error_code ignored;
    if (file.empty() || !fs::exists(file, ignored)) return Json::object();
    Json json = Json::parse(read_file(file), nullptr, false);
    return json.is_object() ? json : Json::object();
}

}  // namespace

fs::path ConvolutionPlans::default_file() {
    if (const char* file = std::getenv("GLEAM_CUDNN_PLANS")) return file;
    return cache_file("cudnn-plans.json");
}

ConvolutionPlans::ConvolutionPlans(DeviceDescription device, fs::path file) : device_(std::move(device)), file_(std::move(file)) {
    read();
}

ConvolutionPlans::~ConvolutionPlans() {
    if (!changed_ || file_.empty()) return;
    try {
        write();
    } catch (const std::exception& e) {
        log_warning("the plans of cuDNN are not kept: {}", e.what());
    }
}

std::string ConvolutionPlans::group() const { return fmt::format("cuDNN {}, {}", cudnnGetVersion(), device_.name()); }

void ConvolutionPlans::read() {
    const Json json = read_json(file_);
    const auto mine = json.find(group());
    if (mine == json.end() || !mine->is_object()) return;
    for (const auto& [key, text] : mine->items())
        if (text.is_string()) texts_[key] = text.get<std::string>();
}

void ConvolutionPlans::write() const {
    Json json = read_json(file_);
    for (const auto& [key, text] : texts_) json[group()][key] = text;
    make_directories(file_.parent_path());
    write_file(file_, json.dump(1) + "\n");
}

const ConvolutionPlan& ConvolutionPlans::find(const Convolution& c) {
    if (const auto found = plans_.find(c); found != plans_.end()) return found->second;
    const std::string key = c.key();
    if (const auto text = texts_.find(key); text != texts_.end()) {
        try {
            return plans_.emplace(c, ConvolutionPlan(text->second, device_)).first->second;
        } catch (const DeviceError&) {
            // Of another build of the library, or damaged: chosen anew.
        }
    }
    const ConvolutionPlan& plan = plans_.emplace(c, ConvolutionPlan(c, device_)).first->second;
    texts_[key] = plan.json();
    changed_ = true;
    return plan;
}

}  // namespace gleam::cuda
