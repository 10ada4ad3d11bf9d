#include "greedy/trace_case.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <numeric>
#include <variant>

namespace gleam::greedy {
namespace {

struct Field {
    const char *group, *name;
    std::variant<std::int64_t*, double*, bool*, std::string*> value;
};

std::vector<Field> fields(TraceConfig& c) {
    return {{"config", "arch", &c.arch},
            {"config", "ndim", &c.ndim},
            {"config", "num_unrolls", &c.num_unrolls},
            {"config", "features", &c.features},
            {"config", "kernel_size", &c.kernel_size},
            {"config", "num_resblocks", &c.num_resblocks},
            {"config", "num_layers", &c.num_layers},
            {"config", "step_size", &c.step_size},
            {"config", "learn_step", &c.learn_step},
            {"config", "lamda", &c.lamda},
            {"config", "learn_lambda", &c.learn_lambda},
            {"config", "cg_iters", &c.cg_iters},
            {"config", "cg_per_sample", &c.cg_per_sample},
            {"config", "fft_axes", &c.fft_axes},
            {"config", "fft_centered", &c.fft_centered},
            {"train", "mode", &c.mode},
            {"train", "steps", &c.steps},
            {"train", "batch_size", &c.batch_size},
            {"train", "num_modules", &c.num_modules},
            {"train", "lr", &c.lr},
            {"train", "beta1", &c.beta1},
            {"train", "beta2", &c.beta2},
            {"train", "eps", &c.eps},
            {"train", "weight_decay", &c.weight_decay},
            {"train", "mel_checkpoints", &c.mel_checkpoints},
            {"train", "mel_reverse_iters", &c.mel_reverse_iters},
            {"train", "mel_bugcompat", &c.mel_bugcompat},
            {"train", "seed", &c.seed}};
}

// Takes `text` as the value of `field`.
void assign(const Field& field, const std::string& text, const std::string& where) {
    const auto number = [&](const char* expected) {
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
            throw ConfigError(where, fmt::format("'{}' is '{}'", field.name, text), fmt::format("give {}", expected));
        return value;
    };
    if (auto* const* whole = std::get_if<std::int64_t*>(&field.value)) {
        const double value = number("a whole number");
        if (value != std::floor(value) || std::abs(value) > 1e15)
            throw ConfigError(where, fmt::format("'{}' is {}", field.name, text), "give a whole number");
        **whole = static_cast<std::int64_t>(value);
    } else if (auto* const* real = std::get_if<double*>(&field.value)) {
        **real = number("a number");
    } else if (auto* const* flag = std::get_if<bool*>(&field.value)) {
        **flag = text == "true" || (text != "false" && number("true or false") != 0);
    } else {
        *std::get<std::string*>(field.value) = text;
    }
}

void require(bool good, const char* field, const std::string& what, const char* remedy) {
    if (!good) throw ConfigError(field, what, remedy);
}

// The axes 1 and 2 of [N, A, B, ...] change places.
template <class T>
Array<T> swap_axes(const Array<T>& x) {
    Shape shape = x.shape;
    std::swap(shape[1], shape[2]);
    Array<T> out(shape);
    const std::int64_t a = x.shape[1], b = x.shape[2], inner = x.elements() / (x.shape[0] * a * b);
    for (std::int64_t n = 0; n < x.shape[0]; ++n)
        for (std::int64_t i = 0; i < a; ++i)
            for (std::int64_t j = 0; j < b; ++j)
                std::copy_n(x.data() + ((n * a + i) * b + j) * inner, inner, out.data() + ((n * b + j) * a + i) * inner);
    return out;
}

}  // namespace

TraceCase::TraceCase(const fs::path& file, const std::vector<std::string>& overrides) : file_(file) {
    read_attributes(overrides);
    check();
    read_batches();
}

void TraceCase::read_attributes(const std::vector<std::string>& overrides) {
    const std::vector<Field> all = fields(config_);
    for (const Field& field : all) {
        if (!file_.exists(field.group) || !file_.has_attribute(field.group, field.name)) continue;
        const std::string where = file_.path().string() + ", attribute '" + field.group + "/" + field.name + "'";
        const auto text = file_.attribute_text(field.group, field.name);
        if (!text) throw DataError(where, "is neither a number nor text", "write it as the reference does");
        assign(field, *text, where);
    }
    for (const std::string& override_text : overrides) {
        const std::size_t equals = override_text.find('=');
        const std::string name = override_text.substr(0, equals), where = "--set " + override_text;
        require(equals != std::string::npos, where.c_str(), "has no value", "write name=value");
        std::vector<std::string> names;
        for (const Field& field : all) names.emplace_back(field.name);
        const auto found = std::find(names.begin(), names.end(), name);
        if (found == names.end()) {
            const std::string near = nearest_word(name, names);
            throw ConfigError(where, fmt::format("'{}' is not known", name),
                              near.empty() ? fmt::format("known: {}", fmt::join(names, ", ")) : "did you mean '" + near + "'?");
        }
        assign(all[static_cast<std::size_t>(found - names.begin())], override_text.substr(equals + 1), where);
    }
}

void TraceCase::check() const {
    const TraceConfig& c = config_;
    require(c.arch == "pgd" || c.arch == "modl", "arch", "is '" + c.arch + "'", "choose pgd or modl");
    require(c.ndim == 2 || c.ndim == 3, "ndim", fmt::format("is {}", c.ndim), "choose 2 or 3");
    require(c.fft_axes == "all" || c.fft_axes == "hw", "fft_axes", "is '" + c.fft_axes + "'", "choose all or hw");
    for (const auto& [name, value, most] : {std::tuple{"num_unrolls", c.num_unrolls, std::int64_t{10'000}},
                                            {"features", c.features, std::int64_t{4096}},
                                            {"kernel_size", c.kernel_size, std::int64_t{31}},
                                            {"num_layers", c.num_layers, std::int64_t{1000}},
                                            {"cg_iters", c.cg_iters, std::int64_t{10'000}},
                                            {"steps", c.steps, std::int64_t{1'000'000}},
                                            {"batch_size", c.batch_size, std::int64_t{1'000'000}}})
        require(value >= 1 && value <= most, name, fmt::format("is {}", value),
                "choose a number within 1 and the program's limits");
    require(c.kernel_size % 2 == 1, "kernel_size", fmt::format("is {}", c.kernel_size), "choose an odd number");
    require(c.num_resblocks >= 0 && c.num_resblocks <= 1000, "num_resblocks", fmt::format("is {}", c.num_resblocks),
            "choose 0 to 1000");
    require(c.num_modules >= 0 && (c.num_modules == 0 || c.num_unrolls % c.num_modules == 0), "num_modules",
            fmt::format("is {}, which does not divide the {} unrolls", c.num_modules, c.num_unrolls), "choose a divisor");
    require(!c.mel_bugcompat, "mel_bugcompat",
            "is set: the inverse of published code, which adds its argument to the solution of the normal equations, gives wrong "
            "gradients and is not offered",
            "set it to false");
    require(c.mel_checkpoints >= 0, "mel_checkpoints", fmt::format("is {}", c.mel_checkpoints), "choose 0 or more");
    require(c.mel_reverse_iters >= 0 && c.mel_reverse_iters <= 1000, "mel_reverse_iters",
            fmt::format("is {}", c.mel_reverse_iters), "choose 0 to 1000");
    strategy();
    for (const char* name : {"inputs/kspace", "inputs/maps", "inputs/mask", "inputs/target"})
        if (!file_.exists(name))
            throw DataError(file_.where(name), "is missing", "a case needs inputs/kspace, maps, mask and target");
}

Strategy TraceCase::strategy() const {
    const TraceConfig& c = config_;
    if (c.mode == "e2e") return Strategy::end_to_end;
    if (c.mode == "greedy" || c.mode == "adgl") return Strategy::greedy;  // adgl: other order, the same numbers
    Strategy strategy{false, {.unrolls = 1}};
    if (c.mode == "checkpoint" || c.mode == "gradcp") return strategy;
    if (c.mode != "mel")
        throw ConfigError("mode", "is '" + c.mode + "', which this program does not train by",
                          "choose e2e, checkpoint, gradcp, mel, greedy or adgl");
    for (std::int64_t i = 0; i < c.num_unrolls; ++i) strategy.recomputation.recovered.push_back(i >= c.mel_checkpoints);
    strategy.recomputation.iterations = static_cast<int>(c.mel_reverse_iters);
    require(c.arch == "modl" || c.mel_checkpoints >= c.num_unrolls, "mode",
            "is mel, but unrolls of " + c.arch + " cannot be inverted", "choose gradcp, or arch modl");
    return strategy;
}

NetworkOptions TraceCase::network_options(DType precision) const {
    const TraceConfig& c = config_;
    NetworkOptions o;
    o.unrolls = static_cast<int>(c.num_unrolls);
    o.stages = !strategy().greedily ? 1 : static_cast<int>(c.num_modules ? c.num_modules : c.num_unrolls);
    o.dtype = precision;
    const bool pgd = c.arch == "pgd";
    o.unroll.consistency = pgd ? modules::DataConsistency::gradient : modules::DataConsistency::conjugate_gradient;
    o.unroll.step = c.step_size;
    o.unroll.learned = pgd ? c.learn_step : c.learn_lambda;
    o.unroll.solver = {static_cast<int>(c.cg_iters), c.lamda, 0,
                       c.cg_per_sample ? modules::InnerProducts::per_sample : modules::InnerProducts::batch,
                       modules::SolverGradient::unrolled};
    modules::RegularizerOptions& r = o.unroll.regularizer;
    r.architecture = pgd ? modules::Architecture::resnet : modules::Architecture::revnet;
    r.depth = c.ndim == 3;
    r.features = static_cast<int>(c.features);
    r.kernel = static_cast<int>(c.kernel_size);
    r.blocks = static_cast<int>(c.num_resblocks);
    r.layers = static_cast<int>(c.num_layers);
    r.activation = c.ndim == 2 ? modules::Activation::before : modules::Activation::after;
    r.border = kernels::on_every_axis(c.ndim == 2 ? kernels::BorderMode::reflect : kernels::BorderMode::replicate);
    return o;
}

kernels::OptimizerTerms TraceCase::optimizer(std::int64_t step) const {
    const TraceConfig& c = config_;
    return {kernels::OptimizerKind::adam, c.lr, c.weight_decay, 0, c.beta1, c.beta2, c.eps, step};
}

void TraceCase::read_batches() {
    const std::int64_t samples = file_.shape("inputs/kspace")[0];
    if (samples < 1) throw DataError(file_.where("inputs/kspace"), "holds no sample", "give at least one");
    if (!file_.exists("train/batches")) {
        for (std::int64_t k = 0; k < config_.steps; ++k) {
            batches_.emplace_back();
            for (std::int64_t b = 0; b < config_.batch_size; ++b)
                batches_.back().push_back((k * config_.batch_size + b) % samples);
        }
        return;
    }
    const auto given = file_.read<std::int64_t>("train/batches");
    if (given.shape.rank() != 2 || given.shape[0] < config_.steps || given.shape[1] < 1)
        throw DataError(file_.where("train/batches"), "has shape " + given.shape.str(),
                        fmt::format("it must be [{} steps, batch]", config_.steps));
    const std::int64_t width = given.shape[1];
    for (std::int64_t k = 0; k < config_.steps; ++k) {
        batches_.emplace_back(given.data() + k * width, given.data() + (k + 1) * width);
        for (std::int64_t sample : batches_.back())
            if (sample < 0 || sample >= samples)
                throw DataError(file_.where("train/batches"), fmt::format("names sample {}", sample),
                                fmt::format("there are samples 0 to {}", samples - 1));
    }
}

TraceCase::Inputs TraceCase::inputs(const std::vector<std::int64_t>& samples) const {
    // [N, C, *S] or [N, *S] of the chosen samples -> [N, T, C, Z, Y, X]
    const auto pick = [&](auto zero, const char* name, bool coils) {
        using T = decltype(zero);
        const int spatial = static_cast<int>(config_.ndim), axes = 1 + coils + spatial;
        Array<T> all;
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const Array<T> one = file_.read<T>(name, samples[i], 1, data::Pairs::accept);
            if (one.shape.rank() != axes)
                throw DataError(file_.where(name), "has shape " + file_.shape(name).str(),
                                fmt::format("it must have {} axes beside (re, im)", axes));
            if (i == 0) {
                Shape shape = one.shape;
                shape[0] = static_cast<std::int64_t>(samples.size());
                all = Array<T>(shape);
            }
            std::copy_n(one.data(), one.elements(), all.data() + static_cast<std::int64_t>(i) * one.elements());
        }
        const Shape s = all.shape;
        const std::int64_t c = coils ? s[1] : 1, depth = spatial == 3 ? s[-3] : 1;
        all.shape = frames() ? Shape{s[0], c, depth, 1, s[-2], s[-1]} : Shape{s[0], 1, c, depth, s[-2], s[-1]};
        return frames() ? swap_axes(all) : all;
    };
    using C = std::complex<double>;
    Inputs in{pick(C{}, "inputs/kspace", true), pick(C{}, "inputs/maps", true), pick(C{}, "inputs/target", false),
              pick(0.0, "inputs/mask", false)};
    if (!frames() && in.maps.shape[3] == 1 && in.kspace.shape[3] > 1) {  // one plane of maps stands for all
        Array<C> full(in.kspace.shape);
        const std::int64_t planes = full.shape[3], plane = full.shape[4] * full.shape[5];
        for (std::int64_t i = 0; i < full.elements() / plane; ++i)
            std::copy_n(in.maps.data() + i / planes * plane, plane, full.data() + i * plane);
        in.maps = std::move(full);
    }
    return in;
}

Array<double> TraceCase::weight(const std::string& name, const Shape& shape) const {
    const std::string path = "weights/" + name;
    if (!file_.exists(path)) throw DataError(file_.where(path), "is missing", "the weights belong to another network");
    Array<double> values = file_.read<double>(path);
    if (values.elements() != shape.elements())
        throw DataError(file_.where(path), fmt::format("has shape {}, the network needs {}", values.shape.str(), shape.str()),
                        "the weights belong to another network");
    values.shape = shape;
    return values;
}

Array<std::complex<double>> TraceCase::stored(Array<std::complex<double>> x, bool coils) const {
    if (frames()) x = swap_axes(x);  // [N, C, T, 1, Y, X]
    const Shape s = x.shape;
    x.shape = Shape{s[0]};
    if (coils) x.shape.append(frames() ? s[1] : s[2]);
    if (config_.ndim == 3) x.shape.append(frames() ? s[2] : s[3]);
    x.shape.append(s[4]);
    x.shape.append(s[5]);
    return x;
}

void TraceCase::echo(data::Hdf5Writer& out) const {
    TraceConfig copy = config_;
    Array<std::int64_t> batches(Shape{static_cast<std::int64_t>(batches_.size()), static_cast<std::int64_t>(batches_[0].size())});
    for (std::size_t k = 0; k < batches_.size(); ++k)
        std::copy(batches_[k].begin(), batches_[k].end(), batches.data() + k * batches_[0].size());
    out.write("train/batches", batches);
    out.create_group("config");
    for (const Field& field : fields(copy))
        std::visit(
            [&](auto* value) {
                if constexpr (std::is_same_v<decltype(value), bool*>)
                    out.set_attribute(field.group, field.name, static_cast<std::int64_t>(*value));
                else
                    out.set_attribute(field.group, field.name, *value);
            },
            field.value);
}

}  // namespace gleam::greedy
