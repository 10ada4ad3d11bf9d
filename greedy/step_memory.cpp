#include "greedy/step_memory.hpp"

#include <algorithm>

#include "core/array.hpp"
#include "core/error.hpp"

namespace gleam::greedy {
namespace {

constexpr const char* remedy =
    "lower training.batch, model.regularizer.features or the matrix size, or use more modules (training.modules)";


}  // namespace

void StepMemory::begin(const std::string& name) {
    ops_.set_tf32(tf32_);
    if (ops_.planning()) {
        Programs& programs = programs_[name];
        activations_.book(programs.activations);
        workspace_.book(programs.workspace);
        return;
    }
    const auto found = programs_.find(name);
    if (found == programs_.end()) throw InternalError("segment " + name, "was not planned");
    activations_.replay(found->second.activations);
    workspace_.replay(found->second.workspace);
}

void StepMemory::end() {
    if (!ops_.planning()) return;
    activations_.finish_booking();
    workspace_.finish_booking();
}

Tensor StepMemory::handoff(int slot, const Tensor& image) {
    Tensor t = image;
    t.data = nullptr;
    const auto place = static_cast<std::size_t>(slot);
    if (ops_.planning()) {
        image_bytes_ = std::max(image_bytes_, aligned(image.bytes()));
        images_ = std::max(images_, place + 1);
        reserve_handoff();
    } else {
        if (image.bytes() > image_bytes_ || place >= images_) throw InternalError("handoff", "image not planned");
        t.data = static_cast<char*>(handoff_.data()) + place * image_bytes_;
    }
    return t;
}

Tensor StepMemory::scalar(int number) {
    Tensor t{nullptr, DType::f64, Shape{1}, ops_.device()};
    const auto place = static_cast<std::size_t>(number);
    if (ops_.planning()) {
        scalars_ = std::max(scalars_, place + 1);
        reserve_handoff();
    } else {
        t.data = static_cast<char*>(handoff_.data()) + images_ * image_bytes_ + place * sizeof(double);
    }
    return t;
}

std::vector<double> StepMemory::values(const std::vector<Tensor>& scalars) {
    if (scalars.empty()) return {};
    Array<double> all(Shape{static_cast<std::int64_t>(scalars_)});
    Tensor block = scalar(0);
    block.shape = all.shape;
    ops_.copy(block, all.view());
    std::vector<double> values;
    for (const Tensor& s : scalars)
        values.push_back(all[static_cast<const double*>(s.data) - static_cast<const double*>(block.data)]);
    return values;
}

void StepMemory::reserve_handoff() { handoff_.reserve(images_ * image_bytes_ + scalars_ * sizeof(double)); }

void StepMemory::grant() {
    for (Arena* arena : {&activations_, &workspace_, &handoff_}) arena->grant(ops_.allocator(), remedy);
}

std::vector<ArenaUse> StepMemory::use() const {
    return {{activations_.name(), activations_.bytes(), activations_.peak_bytes()},
            {workspace_.name(), workspace_.bytes(), workspace_.peak_bytes()},
            {handoff_.name(), handoff_.bytes(), handoff_.bytes()}};
}

}  // namespace gleam::greedy
