#include "core/parameters.hpp"

#include "core/error.hpp"
#include "core/philox.hpp"

namespace gleam {

int ParameterPack::add(std::string name, const Shape& shape, double bound, std::uint32_t stream, std::uint32_t index,
                       double center) {
    if (values_.data) throw InternalError("ParameterPack", "'" + name + "' is added after bind()");
    entries_.push_back({std::move(name), shape, elements_, bound, center, stream, index});
    elements_ += shape.elements();
    return static_cast<int>(entries_.size()) - 1;
}

std::size_t ParameterPack::flat_bytes() const {
    return aligned(static_cast<std::size_t>(elements_) * size_of(dtype_));
}

void ParameterPack::bind(void* memory, const ParameterBuffers& buffers, void* shared) {
    std::size_t used = 0;
    const auto next = [&](bool wanted) {
        if (!wanted) return Tensor{};
        void* at = memory ? static_cast<char*>(memory) + used++ * flat_bytes() : nullptr;
        return Tensor{at, dtype_, Shape{elements_}, device_};
    };
    buffers_ = buffers;
    values_ = next(true);
    gradients_ = buffers.shared_gradients ? Tensor{shared, dtype_, Shape{elements_}, device_} : next(buffers.gradients);
    for (int i = 0; i < 2; ++i) moments_[static_cast<std::size_t>(i)] = next(i < buffers.moments);
    average_ = next(buffers.average);
}

Tensor ParameterPack::part(const Tensor& flat, const Entry& entry) const {
    Tensor t = flat;
    t.shape = entry.shape;
    if (t.data) t.data = static_cast<char*>(t.data) + static_cast<std::size_t>(entry.offset) * size_of(dtype_);
    return t;
}

Parameter ParameterPack::parameter(int number) const {
    const Entry& entry = entries_[static_cast<std::size_t>(number)];
    return {part(values_, entry), part(gradients_, entry)};
}

std::vector<double> ParameterPack::initial_values(std::uint64_t seed) const {
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(elements_));
    for (const Entry& entry : entries_) {
        Philox random(seed, Purpose::weights, entry.stream, entry.index);
        for (std::int64_t i = 0; i < entry.shape.elements(); ++i)
            values.push_back(entry.center + random.uniform(-entry.bound, entry.bound));
    }
    return values;
}

}  // namespace gleam
