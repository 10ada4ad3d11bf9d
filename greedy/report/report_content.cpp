// Reading what training and evaluation have written.
#include "greedy/report/report_content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/hdf5.hpp"

namespace gleam::greedy::report {
namespace {

using Json = nlohmann::json;

Json parse(const std::string& where, std::string_view text, const std::string& remedy) {
    try {
        return Json::parse(text);
    } catch (const Json::exception& e) {
        const auto position = dynamic_cast<const Json::parse_error*>(&e);
        throw DataError(where, position ? fmt::format("is not valid JSON (at byte {})", position->byte) : "is not valid JSON",
                        remedy);
    }
}

// One object of a file together with where it is, so that every complaint names file and key.
class Fields {
public:
    Fields(std::string file, std::string path, const Json& json,
           std::string remedy = "write the file again with this version of gleam")
        : file_(std::move(file)), path_(std::move(path)), remedy_(std::move(remedy)), json_(json) {
        if (!json.is_object()) fail("", "is not an object");
    }

    bool has(const std::string& key) const { return json_.contains(key); }

    const Json& value(const std::string& key) const {
        const auto found = json_.find(key);
        if (found == json_.end()) fail(key, "is missing");
        return *found;
    }

    Fields object(const std::string& key) const { return Fields(file_, join(key), value(key), remedy_); }

    std::string text(const std::string& key) const {
        const Json& v = value(key);
        if (!v.is_string()) fail(key, "is not a text");
        return v.get<std::string>();
    }

    // JSON has no NaN or infinity; null stands for both.
    double number(const std::string& key) const { return as_number(key, value(key)); }

    double size(const std::string& key) const {
        const double v = number(key);
        if (v < 0) fail(key, "is negative");
        return v;
    }

    std::int64_t integer(const std::string& key) const {
        const Json& v = value(key);
        const bool fits = v.is_number_integer() && (!v.is_number_unsigned() || v.get<std::uint64_t>() <= INT64_MAX) &&
                          v.get<std::int64_t>() >= 0;
        if (!fits) fail(key, "is not a whole number of zero or more");
        return v.get<std::int64_t>();
    }

    const Json& array(const std::string& key) const {
        const Json& v = value(key);
        if (!v.is_array()) fail(key, "is not a list");
        return v;
    }

    std::vector<double> numbers(const std::string& key) const {
        std::vector<double> out;
        for (const Json& v : array(key)) out.push_back(as_number(fmt::format("{}[{}]", key, out.size()), v));
        return out;
    }

    // The objects of a list, each knowing its place.
    std::vector<Fields> objects(const std::string& key) const {
        std::vector<Fields> out;
        for (const Json& v : array(key)) out.emplace_back(file_, join(fmt::format("{}[{}]", key, out.size())), v, remedy_);
        return out;
    }

    std::vector<std::string> keys() const {
        std::vector<std::string> out;
        for (const auto& item : json_.items()) out.push_back(item.key());
        return out;
    }

    [[noreturn]] void fail(const std::string& key, const std::string& what) const {
        const std::string path = key.empty() ? path_ : join(key);
        throw DataError(path.empty() ? file_ : fmt::format("{}, key '{}'", file_, path), what, remedy_);
    }

private:
    std::string join(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

    double as_number(const std::string& key, const Json& v) const {
        if (v.is_null()) return not_known;
        if (!v.is_number()) fail(key, "is not a number");
        return v.get<double>();
    }

    std::string file_, path_, remedy_;
    const Json& json_;
};

Quality read_quality(const Fields& fields) { return {fields.number("psnr"), fields.number("ssim"), fields.number("nrmse")}; }

// Forgets what an earlier attempt did from this step on.
template <class Point>
void append(std::vector<Point>& points, Point point) {
    while (!points.empty() && points.back().step >= point.step) points.pop_back();
    points.push_back(std::move(point));
}

void read_metrics(const fs::path& path, Run& run) {
    const std::string text = read_file(path);
    std::size_t line = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        const bool whole = end != std::string::npos;
        const std::string_view content = std::string_view(text).substr(begin, whole ? end - begin : std::string::npos);
        begin = whole ? end + 1 : text.size();
        ++line;
        if (content.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        if (!whole && !Json::accept(content)) break;  // the run was interrupted while it wrote this line
        const std::string where = fmt::format("{}, line {}", path.string(), line);
        const Json json = parse(where, content, "remove the damaged line");
        const Fields fields(where, "", json);
        const std::string kind = fields.text("kind");
        if (kind == "train") append(run.train, TrainPoint{fields.integer("step"), fields.numbers("loss")});
        if (kind == "validation") append(run.validation, ValidationPoint{fields.integer("step"), read_quality(fields)});
    }
}

void read_memory(const Fields& memory, Run& run) {
    std::vector<std::string> names = {"params", "activations", "workspace", "handoff", "batch"};
    for (const std::string& key : memory.keys())
        if (key != "process" && std::find(names.begin(), names.end(), key) == names.end()) names.push_back(key);
    for (const std::string& name : names) {
        if (!memory.has(name)) continue;
        const Fields arena = memory.object(name);
        run.arenas.push_back({name, arena.size("planned"), arena.size("measured")});
    }
    if (!memory.has("process")) return;
    run.process_start = memory.object("process").size("start");
    run.process_peak = memory.object("process").size("peak");
}

void read_summary(const fs::path& path, Run& run) {
    const Json json = parse(path.string(), read_file(path), "let the run finish, then try again");
    const Fields summary(path.string(), "", json);
    run.version = summary.text("version"), run.strategy = summary.text("strategy");
    run.device = summary.text("device"), run.precision = summary.text("precision");
    run.unrolls = summary.integer("unrolls"), run.modules = summary.integer("modules");
    run.parameters = summary.integer("parameters"), run.steps = summary.integer("steps"),
    run.threads = summary.integer("threads");
    const Fields seconds = summary.object("seconds");
    run.training_seconds = seconds.number("training"), run.step_median = seconds.number("step_median");
    run.step_p10 = seconds.number("step_p10"), run.step_p90 = seconds.number("step_p90");
    read_memory(summary.object("memory"), run);
    const bool validated = summary.has("best") && !summary.value("best").is_null() && summary.object("best").value("step") != -1;
    if (validated) {
        const Fields best = summary.object("best");
        run.best = ValidationPoint{best.integer("step"), {best.number("psnr"), not_known, not_known}};
    }
    if (!summary.has("libraries")) return;
    const Fields libraries = summary.object("libraries");
    for (const std::string& name : libraries.keys()) run.libraries.emplace_back(name, libraries.text(name));
}

Timeline::Note read_span(const Fields& rank, std::size_t number, const Json& v) {
    const auto& kinds = span_kind_names();
    const bool whole = v.is_array() && v.size() == 4 && v[0].is_number_integer() && v[0].get<std::int64_t>() >= 0 &&
                       v[1].is_string() && v[2].is_number() && v[3].is_number() && v[2].get<double>() <= v[3].get<double>();
    if (!whole) rank.fail(fmt::format("spans[{}]", number), "is not [step, kind, begin, end]");
    const auto kind = std::find(kinds.begin(), kinds.end(), v[1].get<std::string>());
    if (kind == kinds.end()) rank.fail(fmt::format("spans[{}]", number), "is of a kind that this version does not know");
    return {v[0].get<std::int64_t>(), static_cast<SpanKind>(kind - kinds.begin()), v[2].get<double>(), v[3].get<double>()};
}

void read_pipeline(const fs::path& path, Run& run) {
    if (!fs::exists(path)) return;  // an older run, or one that did not come to its end
    const std::string remedy = "remove it: the report does without";
    const Json json = parse(path.string(), read_file(path), remedy);
    for (const Fields& fields : Fields(path.string(), "", json, remedy).objects("ranks")) {
        RankTimes rank;
        rank.rank = fields.integer("rank"), rank.replica = fields.integer("replica");
        const Json& modules = fields.array("modules");
        if (modules.size() != 2 || !modules[0].is_number_integer() || !modules[1].is_number_integer())
            fields.fail("modules", "is not [first, last]");
        rank.first_module = modules[0].get<std::int64_t>(), rank.last_module = modules[1].get<std::int64_t>();
        rank.seconds = fields.size("seconds");
        const Fields totals = fields.object("totals");
        for (std::size_t k = 0; k < span_kinds; ++k) rank.totals[k] = totals.size(span_kind_names()[k]);
        for (const Json& span : fields.array("spans")) rank.spans.push_back(read_span(fields, rank.spans.size(), span));
        run.pipeline.push_back(std::move(rank));
    }
}

Method read_method(const Fields& fields) {
    Method method;
    method.name = fields.text("name"), method.label = fields.text("label");
    method.seconds_per_slice = fields.number("seconds_per_slice");
    for (const Fields& slice : fields.objects("slices")) method.slices.push_back({slice.integer("slice"), read_quality(slice)});
    method.mean = read_quality(fields.object("mean")), method.std = read_quality(fields.object("std"));
    return method;
}

RealArray read_magnitudes(const data::Hdf5File& file, const std::string& name, const Shape& shape) {
    if (!file.is_dataset(name)) throw DataError(file.where(name), "is missing", "evaluate again");
    RealArray images = file.read<float>(name);
    if (!(images.shape == shape))
        throw DataError(file.where(name), "has shape " + images.shape.str() + ", the reference " + shape.str(), "evaluate again");
    return images;
}

Images read_images(const fs::path& path, const Evaluation& evaluation) {
    const data::Hdf5File file(path);
    if (!file.is_dataset("reference")) throw DataError(file.where("reference"), "is missing", "evaluate again");
    const Shape shape = file.shape("reference");
    if (shape.rank() != 3 || shape.elements() == 0)
        throw DataError(file.where("reference"), "has shape " + shape.str() + " instead of [slices, y, x]", "evaluate again");
    Images images;
    images.reference = read_magnitudes(file, "reference", shape);
    Shape mask = shape;
    if (evaluation.physics == data::Physics::volume && file.is_dataset("mask") && file.shape("mask").rank() == 3) {
        mask = file.shape("mask");  // [z, y], whatever x is
        mask[0] = shape[0];
    }
    images.mask = read_magnitudes(file, "mask", mask);
    if (!file.is_dataset("slices")) throw DataError(file.where("slices"), "is missing", "evaluate again");
    images.slices = file.read<std::int64_t>("slices").values;
    if (static_cast<std::int64_t>(images.slices.size()) != shape[0])
        throw DataError(file.where("slices"), fmt::format("has {} numbers for {} images", images.slices.size(), shape[0]),
                        "evaluate again");
    for (const Method& method : evaluation.methods) images.methods.push_back(read_magnitudes(file, method.name, shape));
    return images;
}

Evaluation read_evaluation(const fs::path& directory) {
    const fs::path path = directory / "evaluation.json";
    const Json json = parse(path.string(), read_file(path), "evaluate again");
    const Fields fields(path.string(), "", json);
    Evaluation evaluation;
    evaluation.version = fields.text("version"), evaluation.input = fields.text("input"),
    evaluation.reference = fields.text("reference");
    if (fields.has("physics")) {
        try {
            evaluation.physics = data::physics_of(fields.text("physics"));
        } catch (const ConfigError&) {
            fields.fail("physics", "is '" + fields.text("physics") + "', which this version does not know");
        }
    }
    const Fields mask = fields.object("mask");
    evaluation.mask_type = mask.text("type"), evaluation.requested = mask.number("requested"),
    evaluation.actual = mask.number("actual");
    for (const Fields& method : fields.objects("methods")) {
        evaluation.methods.push_back(read_method(method));
        const auto same = [&](const Method& m) { return m.name == evaluation.methods.back().name; };
        if (std::count_if(evaluation.methods.begin(), evaluation.methods.end(), same) > 1)
            method.fail("name", "is '" + evaluation.methods.back().name + "' for the second time");
    }
    if (fields.has("images") && !fields.value("images").is_null())
        evaluation.images = read_images(directory / fields.text("images"), evaluation);
    return evaluation;
}

}  // namespace

ReportContent load_content(const ReportOptions& options) {
    ReportContent content;
    content.title = options.title;
    for (const auto& [name, directory] : options.runs) {
        Run run;
        run.name = name;
        read_summary(directory / "summary.json", run);
        read_metrics(directory / "metrics.jsonl", run);
        run.config = read_file(directory / "config.yaml");
        read_pipeline(directory / "timeline.json", run);
        content.runs.push_back(std::move(run));
    }
    if (!options.evaluation.empty()) content.evaluation = read_evaluation(options.evaluation);
    return content;
}

}  // namespace gleam::greedy::report
