#include <cmath>

#include "data/hdf5.hpp"
#include "greedy/report/report_content.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using gleam::DataError;
using gleam::greedy::ReportOptions;
using gleam::greedy::write_report;
using gleam::greedy::report::load_content;
using gleam::greedy::report::render_html;
using gleam::greedy::report::ReportContent;
using gleam::test::TemporaryDirectory;
using gleam::test::write_bytes;

namespace {

constexpr const char* metrics =
    R"({"kind":"train","step":10,"epoch":0,"loss":[0.5,0.4]}
{"kind":"train","step":20,"epoch":0,"loss":[0.3,null]}
{"kind":"note","text":"later versions may write more"}

{"kind":"validation","step":20,"slices":8,"psnr":31.2,"ssim":0.91,"nrmse":0.07}
)";

constexpr const char* summary =
    R"({"version":"0.1.0","strategy":"greedy","unrolls":6,"modules":2,"parameters":123456,"steps":600,"device":"cpu",
"precision":"fp32","threads":2,"libraries":{"FFTW":"3.3.10"},"seconds":{"training":120.1,"step_median":0.2,"step_p10":0.19,
"step_p90":0.22},"best":{"step":600,"psnr":31.2},"memory":{"workspace":{"planned":5,"measured":4},
"activations":{"planned":3,"measured":2},"process":{"start":7,"peak":8}}})";

constexpr const char* evaluation =
    R"({"version":"0.1.0","input":"test.h5","reference":"target","mask":{"type":"poisson","requested":6.0,"actual":5.97},
"methods":[{"name":"zero_filled","label":"Zero-filled","seconds_per_slice":0.001,
"slices":[{"slice":3,"psnr":25,"ssim":0.8,"nrmse":0.2}],"mean":{"psnr":25,"ssim":0.8,"nrmse":0.2},"std":{"psnr":0,"ssim":0,"nrmse":0}}],
"images":"images.h5"})";

constexpr const char* timeline =
    R"({"origin":"2026-01-31T12:00:00.250Z","ranks":[{"rank":0,"replica":0,"modules":[1,2],"seconds":1.0,
"totals":{"data":0.25,"wait":0,"room":0,"compute":0.5,"reduce":0,"validate":0,"save":0},"spans":[[1,"compute",0,0.5]]},
{"rank":1,"replica":0,"modules":[3,3],"seconds":1.5,
"totals":{"data":0,"wait":0.5,"room":0.0,"compute":0.75,"reduce":0,"validate":0,"save":0.25},
"spans":[[1,"wait",0,0.5],[1,"compute",0.5,1.25]]}]})";

// One run and one evaluation on disk, and the options that name them.
struct Files {
    TemporaryDirectory directory;
    ReportOptions options;

    Files() {
        options = {"Title", {{"first", directory / "run"}}, directory / "evaluation", directory / "report.html"};
        gleam::make_directories(directory / "run");
        gleam::make_directories(directory / "evaluation");
        write_bytes(directory / "run/metrics.jsonl", metrics);
        write_bytes(directory / "run/summary.json", summary);
        write_bytes(directory / "run/config.yaml", "seed: 1\n");
        write_bytes(directory / "run/timeline.json", timeline);
        write_bytes(directory / "evaluation/evaluation.json", evaluation);
        write_images({"reference", "mask", "zero_filled"}, {1, 6, 5});
    }

    void write_images(const std::vector<std::string>& names, const gleam::Shape& shape, std::int64_t slices = 1) {
        gleam::data::Hdf5Writer file(directory / "evaluation/images.h5");
        for (const std::string& name : names) file.write(name, gleam::RealArray(shape));
        if (slices) file.write("slices", gleam::Array<std::int64_t>({slices}));
        file.commit();
    }

    // The same file with `from` replaced.
    void edit(const std::string& name, const std::string& from, const std::string& to) {
        std::string text = gleam::read_file(directory / name);
        const auto at = text.find(from);
        REQUIRE(at != std::string::npos);
        write_bytes(directory / name, text.replace(at, from.size(), to));
    }

    // What load_content complains about.
    std::string complaint() const {
        try {
            load_content(options);
        } catch (const DataError& e) {
            return e.what();
        }
        return "";
    }
};

}  // namespace

TEST_CASE("A report is loaded from files and written as one page") {
    Files files;
    const ReportContent content = load_content(files.options);
    REQUIRE(content.runs.size() == 1);
    const auto& run = content.runs[0];
    CHECK(run.name == "first");
    CHECK(run.strategy == "greedy");
    REQUIRE(run.train.size() == 2);
    CHECK(run.train[1].loss[0] == 0.3);
    CHECK(std::isnan(run.train[1].loss[1]));
    REQUIRE(run.validation.size() == 1);
    CHECK(run.validation[0].quality.psnr == 31.2);
    REQUIRE(run.arenas.size() == 2);
    CHECK(run.arenas[0].name == "activations");
    CHECK(run.arenas[1].measured == 4);
    CHECK(run.process_peak == 8);
    CHECK(run.best->step == 600);
    CHECK(run.config == "seed: 1\n");
    REQUIRE(run.pipeline.size() == 2);
    CHECK(run.pipeline[0].last_module == 2);
    CHECK(run.pipeline[1].rank == 1);
    CHECK(run.pipeline[1].seconds == 1.5);
    CHECK(run.pipeline[1].totals == std::array<double, 7>{0, 0.5, 0, 0.75, 0, 0, 0.25});
    CHECK(run.pipeline[1].spans[1] == gleam::greedy::Timeline::Note{1, gleam::greedy::SpanKind::compute, 0.5, 1.25});
    REQUIRE(content.evaluation);
    CHECK(content.evaluation->methods[0].slices[0].slice == 3);
    REQUIRE(content.evaluation->images);
    CHECK(content.evaluation->images->methods[0].shape == gleam::Shape{1, 6, 5});
    write_report(files.options);
    CHECK_THAT(gleam::read_file(files.options.output), ContainsSubstring("Zero-filled reaches 25.00 dB PSNR."));
}

TEST_CASE("A last line of metrics that was cut off is left out, a damaged one before it is not") {
    Files files;
    write_bytes(files.directory / "run/metrics.jsonl", std::string(metrics) + R"({"kind":"train","step":30,"lo)");
    CHECK(load_content(files.options).runs[0].train.size() == 2);
    write_bytes(files.directory / "run/metrics.jsonl", std::string(metrics) + R"({"kind":"train","step":30,"loss":[0.1,0.1]})");
    CHECK(load_content(files.options).runs[0].train.size() == 3);
    write_bytes(files.directory / "run/metrics.jsonl", std::string(metrics) + "{\"kind\":\"train\",\"step\":30,\"lo\n");
    CHECK_THAT(files.complaint(), ContainsSubstring("metrics.jsonl, line 6"));
    write_bytes(files.directory / "run/metrics.jsonl", "");
    CHECK(load_content(files.options).runs[0].train.empty());
}

TEST_CASE("Steps trained again after a resume replace the earlier ones") {
    Files files;
    write_bytes(files.directory / "run/metrics.jsonl", R"({"kind":"train","step":10,"loss":[1]}
{"kind":"train","step":20,"loss":[2]}
{"kind":"train","step":30,"loss":[3]}
{"kind":"train","step":20,"loss":[4]}
)");
    const auto train = load_content(files.options).runs[0].train;
    REQUIRE(train.size() == 2);
    CHECK(train[1].loss[0] == 4);
}

TEST_CASE("Optional pieces may be absent") {
    Files files;
    files.edit("run/summary.json", R"("best":{"step":600,"psnr":31.2},)", "");
    files.edit("run/summary.json", R"("libraries":{"FFTW":"3.3.10"},)", "");
    files.edit("run/summary.json", R"(,"process":{"start":7,"peak":8})", "");
    files.edit("evaluation/evaluation.json", ",\n\"images\":\"images.h5\"", "");
    std::filesystem::remove(files.directory / "run/timeline.json");
    const ReportContent content = load_content(files.options);
    CHECK_FALSE(content.runs[0].best);
    CHECK(std::isnan(content.runs[0].process_peak));
    CHECK_FALSE(content.evaluation->images);
    CHECK(content.runs[0].pipeline.empty());
    files.edit("run/summary.json", R"("seconds")", R"("best":{"step":-1,"psnr":0},"seconds")");
    CHECK_FALSE(load_content(files.options).runs[0].best);
    files.options.evaluation.clear();
    CHECK_FALSE(load_content(files.options).evaluation);
    files.options.runs.clear();
    CHECK(load_content(files.options).runs.empty());
}

TEST_CASE("A file that is missing is named") {
    for (const char* name :
         {"run/metrics.jsonl", "run/summary.json", "run/config.yaml", "evaluation/evaluation.json", "evaluation/images.h5"}) {
        Files files;
        std::filesystem::remove(files.directory / name);
        CHECK_THAT(files.complaint(), ContainsSubstring((files.directory / name).string()));
        CHECK_THROWS_AS(write_report(files.options), DataError);
        CHECK_FALSE(std::filesystem::exists(files.options.output));
    }
}

TEST_CASE("A key that is missing or of the wrong kind is named with its file") {
    struct Case {
        const char *file, *from, *to, *key;
    };
    for (const Case& c : std::vector<Case>{
             {"run/summary.json", "\"strategy\"", "\"strange\"", "'strategy'"},
             {"run/summary.json", "\"step_p90\"", "\"p90\"", "'seconds.step_p90'"},
             {"run/summary.json", "\"steps\":600", "\"steps\":-600", "'steps'"},
             {"run/summary.json", "\"steps\":600", "\"steps\":6e99", "'steps'"},
             {"run/summary.json", "\"steps\":600", "\"steps\":18446744073709551615", "'steps'"},
             {"run/summary.json", "\"planned\":3", "\"planned\":\"3\"", "'memory.activations.planned'"},
             {"run/summary.json", "\"peak\":8", "\"peak\":-8", "'memory.process.peak'"},
             {"run/summary.json", "\"3.3.10\"", "3.3", "'libraries.FFTW'"},
             {"run/metrics.jsonl", "[0.5,0.4]", "0.5", "line 1, key 'loss'"},
             {"run/metrics.jsonl", "[0.5,0.4]", "[0.5,\"x\"]", "line 1, key 'loss[1]'"},
             {"run/metrics.jsonl", "\"ssim\"", "\"sim\"", "line 5, key 'ssim'"},
             {"run/metrics.jsonl", "{\"kind\":\"note\",\"text\":\"later versions may write more\"}", "[]", "line 3"},
             {"run/timeline.json", "\"ranks\"", "\"rank\"", "'ranks'"},
             {"run/timeline.json", "\"replica\":0", "\"replica\":-1", "'ranks[0].replica'"},
             {"run/timeline.json", "[1,2]", "[1]", "'ranks[0].modules'"},
             {"run/timeline.json", "\"room\":0,", "\"rooms\":0,", "'ranks[0].totals.room'"},
             {"run/timeline.json", "\"seconds\":1.5", "\"seconds\":-1.5", "'ranks[1].seconds'"},
             {"run/timeline.json", "[1,\"wait\"", "[-1,\"wait\"", "'ranks[1].spans[0]'"},
             {"run/timeline.json", "\"wait\",0", "\"pause\",0", "'ranks[1].spans[0]'"},
             {"run/timeline.json", "0.5,1.25]", "0.5]", "'ranks[1].spans[1]'"},
             {"run/timeline.json", "0.5,1.25]", "0.5,0.25]", "'ranks[1].spans[1]'"},
             {"evaluation/evaluation.json", "\"actual\"", "\"factual\"", "'mask.actual'"},
             {"evaluation/evaluation.json", "\"slice\":3", "\"slice\":3.5", "'methods[0].slices[0].slice'"},
             {"evaluation/evaluation.json", "\"label\"", "\"table\"", "'methods[0].label'"},
             {"evaluation/evaluation.json", "\"std\":{", "\"std\":[{", ""},
         }) {
        Files files;
        files.edit(c.file, c.from, c.to);
        INFO(c.from << " -> " << c.to);
        CHECK_THAT(files.complaint(), ContainsSubstring((files.directory / c.file).string()));
        CHECK_THAT(files.complaint(), ContainsSubstring(c.key));
    }
}

TEST_CASE("Images that do not fit the evaluation are refused with file and data set") {
    Files files;
    files.write_images({"reference", "mask"}, {1, 6, 5});
    CHECK_THAT(files.complaint(), ContainsSubstring("images.h5") && ContainsSubstring("zero_filled"));
    files.write_images({"reference", "mask", "zero_filled"}, {1, 6, 5}, 2);
    CHECK_THAT(files.complaint(), ContainsSubstring("slices") && ContainsSubstring("2 numbers for 1"));
    files.write_images({"reference", "mask", "zero_filled"}, {1, 6, 5}, 0);
    CHECK_THAT(files.complaint(), ContainsSubstring("slices"));
    files.write_images({"reference", "mask", "zero_filled"}, {6, 5});
    CHECK_THAT(files.complaint(), ContainsSubstring("reference") && ContainsSubstring("[6, 5]"));
    write_bytes(files.directory / "evaluation/images.h5", "not HDF5");
    CHECK_THAT(files.complaint(), ContainsSubstring("images.h5"));
}

TEST_CASE("Cut and damaged files never end in anything but a DataError") {
    Files files;
    const ReportOptions options = files.options;
    for (const char* name : {"run/summary.json", "run/metrics.jsonl", "run/timeline.json", "evaluation/evaluation.json"}) {
        const auto path = files.directory / name;
        const auto good = files.directory / "good";
        std::filesystem::copy_file(path, good, std::filesystem::copy_options::overwrite_existing);
        const auto damage =
            gleam::test::survives_damage(good, path, 40, 80, [&](const auto&) { render_html(load_content(options)); });
        CHECK(damage.refused > 40);
        std::filesystem::copy_file(good, path, std::filesystem::copy_options::overwrite_existing);
    }
}

TEST_CASE("An output that cannot be written is a DataError") {
    Files files;
    files.options.output = files.directory / "nowhere/report.html";
    CHECK_THROWS_AS(write_report(files.options), DataError);
    files.options.output = files.directory.path();
    CHECK_THROWS_AS(write_report(files.options), DataError);
}

TEST_CASE("A damaged timeline says that the report can do without it") {
    Files files;
    write_bytes(files.directory / "run/timeline.json", "{");
    CHECK_THAT(files.complaint(), ContainsSubstring("timeline.json") && ContainsSubstring("remove it"));
    write_bytes(files.directory / "run/timeline.json", R"({"ranks":[{"rank":"first"}]})");
    CHECK_THAT(files.complaint(), ContainsSubstring("'ranks[0].rank'") && ContainsSubstring("remove it"));
}
