#include "modules/regularizer.hpp"

#include <cmath>
#include <vector>

namespace gleam::modules {
namespace {

constexpr double normalization_epsilon = 1e-5;

// A convolution with its border, and on request with the activation of its input.
class Layer {
public:
    struct Terms {
        std::int64_t out, in;
        int kernel;
        bool bias = false;
        bool zero_border = false;  // in the plane, whatever the options say
        bool starts_at_zero = false;
        bool last = false;  // its output is no feature
    };

    // Weights (and bias) uniform within 1/sqrt(fan-in). `index` numbers the parameters of a network.
    Layer(const RegularizerOptions& options, const Terms& terms, ParameterPack& pack, const std::string& name,
          std::uint32_t stream, std::uint32_t& index)
        : options_(options), last_(terms.last) {
        const std::int64_t k = terms.kernel, depth = options.depth ? k : 1;
        const auto fan_in = static_cast<double>(terms.in * depth * k * k);
        const double bound = terms.starts_at_zero ? 0 : 1 / std::sqrt(fan_in);
        weight_ = pack.add(name + "/weight", Shape{terms.out, terms.in, depth, k, k}, bound, stream, index++);
        if (terms.bias) bias_ = pack.add(name + "/bias", Shape{terms.out}, bound, stream, index++);
        width_ = {static_cast<int>(depth) / 2, terms.kernel / 2, terms.kernel / 2};
        using kernels::BorderMode;
        mode_ = options.border;
        if (terms.zero_border)
            mode_ = {mode_[0] == BorderMode::circular ? BorderMode::circular : BorderMode::zero, BorderMode::zero,
                     BorderMode::zero};
    }

    Var forward(Context& c, const ParameterPack& pack, Var x, bool activated) const {
        if (activated && options_.normalize) x = normalize(c, x, normalization_epsilon);
        const double slope = activated ? options_.slope : 1;
        const bool only_zeros =
            slope == 1 && (width_ == kernels::Padding{0, 0, 0} || mode_ == kernels::on_every_axis(kernels::BorderMode::zero));
        const Parameter weight = pack.parameter(weight_), bias = bias_ >= 0 ? pack.parameter(bias_) : Parameter{};
        const Parameter* const added = bias_ >= 0 ? &bias : nullptr;
        const Output output(options_.bf16 && !last_ ? DType::bf16 : weight.value.dtype, !last_);
        if (only_zeros) return convolution(c, x, weight, added, width_, output);
        return bordered_convolution(c, std::move(x), {mode_, width_, slope}, weight, added, output);
    }

private:
    RegularizerOptions options_;
    bool last_;
    int weight_, bias_ = -1;
    std::array<int, 3> width_;
    std::array<kernels::BorderMode, 3> mode_;
};

class ResNet final : public Regularizer {
public:
    ResNet(const RegularizerOptions& o, ParameterPack& pack, const std::string& prefix, std::uint32_t stream) : options_(o) {
        std::uint32_t index = 0;
        const auto layer = [&](const std::string& name, const Layer::Terms& terms) {
            return Layer(o, terms, pack, prefix + "/" + name, stream, index);
        };
        for (int b = 0; b < o.blocks; ++b) {
            const std::string name = "block" + std::to_string(b);
            const std::int64_t in = b == 0 ? o.channels : o.features;
            convolutions_.push_back(layer(name + "/conv0", {o.features, in, o.kernel}));
            convolutions_.push_back(layer(name + "/conv1", {o.features, o.features, o.kernel}));
            if (in != o.features) resample_.push_back(resampling(o, pack, prefix + "/" + name, stream, index));
        }
        final_.push_back(
            layer("final", {o.channels, o.blocks ? o.features : o.channels, o.kernel, true, true, o.identity_start, true}));
    }

    Var forward(Context& c, const ParameterPack& pack, const Var& x) const override {
        const bool before = options_.activation == Activation::before;
        Var h = x;
        for (std::size_t b = 0; 2 * b < convolutions_.size(); ++b) {
            Var u = convolutions_[2 * b].forward(c, pack, h, before);
            u = convolutions_[2 * b + 1].forward(c, pack, std::move(u), true);
            if (!before) {
                if (options_.normalize) u = normalize(c, std::move(u), normalization_epsilon);
                u = activate(c, std::move(u), options_.slope);
            }
            if (b == 0 && !resample_.empty()) h = resample_[0].forward(c, pack, h, false);
            h = add(c, std::move(u), h);
        }
        return add(c, final_[0].forward(c, pack, h, false), x);
    }

private:
    static Layer resampling(RegularizerOptions o, ParameterPack& pack, const std::string& block, std::uint32_t stream,
                            std::uint32_t& index) {
        o.depth = false;
        return Layer(o, {o.features, o.channels, 1, true}, pack, block + "/resample", stream, index);
    }

    RegularizerOptions options_;
    std::vector<Layer> convolutions_, resample_, final_;
};

class RevNet final : public Regularizer {
public:
    RevNet(const RegularizerOptions& o, ParameterPack& pack, const std::string& prefix, std::uint32_t stream) {
        std::uint32_t index = 0;
        for (int k = 0; k < o.layers; ++k) {
            const bool last = k + 1 == o.layers;
            const Layer::Terms terms{last ? o.channels : o.features,
                                     k == 0 ? o.channels : o.features,
                                     o.kernel,
                                     false,
                                     false,
                                     last && o.identity_start,
                                     last};
            convolutions_.emplace_back(o, terms, pack, prefix + "/conv" + std::to_string(k), stream, index);
        }
    }

    Var forward(Context& c, const ParameterPack& pack, const Var& x) const override {
        Var h = x;
        for (std::size_t k = 0; k < convolutions_.size(); ++k) h = convolutions_[k].forward(c, pack, std::move(h), k > 0);
        return add(c, std::move(h), x);
    }

private:
    std::vector<Layer> convolutions_;
};

}  // namespace

std::shared_ptr<const Regularizer> make_regularizer(const RegularizerOptions& options, ParameterPack& pack,
                                                    const std::string& prefix, std::uint32_t stream) {
    if (options.architecture == Architecture::resnet) return std::make_shared<ResNet>(options, pack, prefix, stream);
    return std::make_shared<RevNet>(options, pack, prefix, stream);
}

}  // namespace gleam::modules
