#include <cctype>
#include <cmath>

#include "greedy/report/html.hpp"
#include "greedy/report/report_content.hpp"
#include "test/support/catch.hpp"

using namespace gleam::greedy::report;
using gleam::RealArray;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
    return n;
}

// The first complaint about a page whose tags should balance, attributes be quoted and entities known; empty when there is none.
std::string complaint(const std::string& page) {
    std::vector<std::string> open;
    std::size_t at = 0;
    while ((at = page.find_first_of("<&", at)) != std::string::npos) {
        if (page[at] == '&') {
            const std::string entity = page.substr(at, page.find(';', at) - at + 1);
            if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;" && entity != "&#39;")
                return "entity " + entity;
            ++at;
            continue;
        }
        const std::size_t end = page.find('>', at);
        if (end == std::string::npos) return "no end of a tag";
        const std::string tag = page.substr(at + 1, end - at - 1);
        at = end + 1;
        if (tag.starts_with("!DOCTYPE")) continue;
        if (count(tag, "\"") % 2 || holds(tag, "<")) return "quotes in <" + tag + ">";
        if (tag.ends_with("/")) continue;
        const std::string name = tag.substr(0, tag.find(' '));
        if (!name.starts_with("/")) {
            open.push_back(name);
        } else {
            if (open.empty() || "/" + open.back() != name)
                return "<" + name + "> after <" + (open.empty() ? "" : open.back()) + ">";
            open.pop_back();
        }
    }
    return open.empty() ? "" : "unclosed <" + open.back() + ">";
}

// The page refers to nothing outside itself.
bool self_contained(const std::string& page) {
    return !holds(page, "http") && !holds(page, "//cdn") && !holds(page, "<script") && !holds(page, "<link") &&
           !holds(page, "@import") && !holds(page, "url(") &&
           count(page, "src=\"") == count(page, "src=\"data:image/png;base64,");
}

Run make_run(const std::string& name, const std::string& strategy, std::size_t modules, double activations) {
    Run run;
    run.name = name, run.strategy = strategy, run.version = "1.2.3", run.device = "cpu", run.precision = "fp32";
    run.config = "model:\n  unrolls: 6  # a < b & \"c\"\n";
    run.unrolls = 6, run.modules = static_cast<std::int64_t>(modules), run.parameters = 123456, run.steps = 600, run.threads = 2;
    run.training_seconds = 120, run.step_median = 0.2, run.step_p10 = 0.19, run.step_p90 = 0.22;
    run.best = ValidationPoint{600, {31.5, not_known, not_known}};
    run.arenas = {{"params", 1048576, 1048576}, {"activations", activations, activations}};
    run.process_start = 5e7, run.process_peak = 9e7;
    run.libraries = {{"FFTW", "3.3.10"}};
    for (std::int64_t step = 10; step <= 600; step += 10) {
        TrainPoint point{step, {}};
        for (std::size_t m = 0; m < modules; ++m)
            point.loss.push_back(1.0 / (static_cast<double>(step) + static_cast<double>(m)));
        run.train.push_back(point);
        if (step % 200 == 0) run.validation.push_back({step, {30 + static_cast<double>(step) / 400, 0.9, 0.07}});
    }
    return run;
}

Method make_method(const std::string& name, const std::string& label, double psnr) {
    Method method{name, label, 0.01, {}, {psnr, 0.91, 0.071}, {0.5, 0.01, 0.002}};
    for (std::int64_t s : {4, 9}) method.slices.push_back({s, {psnr + static_cast<double>(s) / 100, 0.9, 0.07}});
    return method;
}

RealArray make_images(float value) {
    RealArray a({2, 12, 10});
    for (std::int64_t i = 0; i < a.elements(); ++i) a[i] = value * static_cast<float>(i % 12);
    return a;
}

ReportContent make_content() {
    ReportContent content;
    content.title = "Comparison";
    content.runs = {make_run("greedy", "greedy", 6, 10e6), make_run("end_to_end", "end_to_end", 1, 40e6)};
    Evaluation e{"1.2.3", "/home/somebody/test.h5", "target", "poisson", 6, 5.97, {}, {}};
    e.methods = {make_method("zero_filled", "Zero-filled", 25.11), make_method("cg_sense", "CG-SENSE", 29.22),
                 make_method("end_to_end", "End-to-end", 34.33), make_method("greedy", "Greedy", 34.58)};
    e.images = Images{{4, 9},
                      make_images(1),
                      make_images(0.1F),
                      {make_images(0.8F), make_images(0.9F), make_images(0.97F), make_images(0.98F)}};
    content.evaluation = std::move(e);
    return content;
}

}  // namespace

TEST_CASE("The checker of the tests finds what is wrong with a page") {
    CHECK(complaint("<!DOCTYPE html><p class=\"a\">x &amp; y<br/></p>").empty());
    CHECK(complaint("<p><b></p></b>") == "</p> after <b>");
    CHECK(complaint("<p>") == "unclosed <p>");
    CHECK(complaint("a & b;") == "entity & b;");
    CHECK_FALSE(complaint("<p class=\"a>x</p>").empty());
    CHECK_FALSE(self_contained("<img src=\"picture.png\"/>"));
}

TEST_CASE("The page is well-formed, needs nothing else and shows every method, value and run") {
    const std::string page = render_html(make_content());
    CHECK(complaint(page) == "");
    CHECK(self_contained(page));
    CHECK_FALSE(holds(page, "somebody"));  // a page that is passed on tells no paths
    for (const char* part : {"<title>Comparison</title>",
                             "Zero-filled",
                             "CG-SENSE",
                             "End-to-end",
                             "Greedy",
                             "25.11",
                             "29.22",
                             "34.33",
                             "+5.36",
                             "−4.11",
                             "± 0.0020",
                             "<b>34.58</b>",
                             "5.97",
                             "test.h5",
                             "end-to-end",
                             "module 6",
                             "FFTW 3.3.10",
                             "GLEAM 1.2.3",
                             "123,456",
                             "200 ms",
                             "190 ms – 220 ms",
                             "planned 10.5 MiB",
                             "peak 85.8 MiB",
                             "Slice 9",
                             "training step",
                             "PSNR, dB",
                             "a &lt; b &amp; &quot;c&quot;",
                             "<details>"})
        CHECK_THAT(page, ContainsSubstring(part));
    CHECK(count(page, "<img ") == 2 * (2 + 4 + 1 + 4));  // per slice: mask, reference, methods, colour bar, errors
    CHECK(count(page, "alt=\"") == count(page, "<img "));
    CHECK(count(page, "role=\"img\"") == count(page, "<svg "));
    CHECK(count(page, "<td><b>") == 9);  // the best PSNR, and the SSIM and NRMSE in which all four are equal
    CHECK(render_html(make_content()) == page);
}

TEST_CASE("The headline is computed from the numbers") {
    ReportContent content = make_content();
    CHECK(headline(content) ==
          "Greedy reaches 34.58 dB PSNR, 0.25 dB above End-to-end (34.33 dB), with 4.0 times less activation memory (9.5 MiB "
          "against "
          "38.1 MiB) and 200 ms per training step against 200 ms.");
    SECTION("A loss is called a loss, equal memory equal, and unrolls are named when they differ") {
        content.evaluation->methods[3].mean.psnr = 34.03;
        content.runs[0].arenas[1].measured = 39.9e6, content.runs[0].unrolls = 24;
        CHECK_THAT(
            headline(content),
            ContainsSubstring("0.30 dB below End-to-end (34.33 dB), with 24 unrolls against 6 and the same activation memory"));
    }
    SECTION("A tie is not called a gain") {
        content.evaluation->methods[3].mean.psnr = 34.331;
        CHECK_THAT(headline(content), ContainsSubstring("Greedy reaches 34.33 dB PSNR, against 34.33 dB for End-to-end"));
    }
    SECTION("One learned method is compared with CG-SENSE") {
        content.evaluation->methods.erase(content.evaluation->methods.begin() + 2);
        CHECK(headline(content) == "Greedy reaches 34.58 dB PSNR, 5.36 dB above CG-SENSE (29.22 dB).");
    }
    SECTION("Of the classical methods l1-wavelet is the one to compare with, and is never called learned") {
        content.evaluation->methods.erase(content.evaluation->methods.begin() + 2);
        content.evaluation->methods.insert(content.evaluation->methods.begin(), make_method("l1_wavelet", "l1-wavelet", 40));
        CHECK(headline(content) == "Greedy reaches 34.58 dB PSNR, 5.42 dB below l1-wavelet (40.00 dB).");
    }
    SECTION("Without an evaluation the best validation counts, without that nothing") {
        content.evaluation.reset();
        CHECK(headline(content) == "Best validation so far: greedy with 31.50 dB PSNR at step 600.");
        content.runs.clear();
        CHECK(headline(content) == "No results yet.");
    }
    SECTION("Unknown numbers stop nothing") {
        for (Method& m : content.evaluation->methods) m.mean.psnr = not_known;
        CHECK_THAT(headline(content), ContainsSubstring("Best validation so far"));
    }
}

TEST_CASE("Names and settings cannot put markup into the page") {
    ReportContent content = make_content();
    const std::string evil = "<script>alert('&\"')</script>\x01\xFF";
    content.title = evil;
    for (Run& r : content.runs) {
        r.name = r.strategy = r.version = r.device = r.precision = r.config = evil;
        r.libraries = {{evil, evil}};
        r.arenas[0].name = evil;
    }
    Evaluation& e = *content.evaluation;
    e.version = e.input = e.reference = e.mask_type = evil;
    for (Method& m : e.methods) m.label = evil;
    const std::string page = render_html(content);
    CHECK(complaint(page) == "");
    CHECK_FALSE(holds(page, "<script"));
    CHECK_FALSE(holds(page, "\x01"));
    CHECK(holds(page, escape_html(evil)));
}

TEST_CASE("What is absent is said to be absent") {
    ReportContent content = make_content();
    auto check = [&](const std::string& words) {
        const std::string page = render_html(content);
        CHECK(complaint(page) == "");
        CHECK_THAT(page, ContainsSubstring(words));
    };
    SECTION("Nothing at all") {
        content = {};
        check("No evaluation was given to this report.");
        check("No training runs were given to this report.");
        check("<title>GLEAM report</title>");
    }
    SECTION("No images") {
        content.evaluation->images.reset();
        check("No images were recorded.");
    }
    SECTION("No methods") {
        content.evaluation->methods.clear();
        content.evaluation->images->methods.clear();
        check("The evaluation holds no methods.");
    }
    SECTION("A run that recorded nothing") {
        Run empty;
        empty.name = "empty";
        content.runs = {empty};
        check("No training losses were recorded.");
        check("No validation was recorded.");
        check("No memory use was recorded.");
        check("The configuration was not recorded.");
    }
    SECTION("No CG-SENSE") {
        content.evaluation->methods.erase(content.evaluation->methods.begin() + 1);
        content.evaluation->images->methods.pop_back();
        check("Zero-filled");
        CHECK_FALSE(holds(render_html(content), "Δ PSNR"));
    }
}

TEST_CASE("NaN, infinity and single points are drawn as far as they can be") {
    ReportContent content = make_content();
    for (Run& run : content.runs) {
        run.train.resize(1);
        run.validation = {{100, {inf, not_known, not_known}}, {200, {not_known, not_known, not_known}}, {300, {31, 0.9, 0.1}}};
        run.best->quality.psnr = not_known;
        run.step_median = run.step_p10 = run.step_p90 = run.training_seconds = not_known;
        run.arenas[1].measured = not_known, run.process_peak = inf;
    }
    content.runs[0].train[0].loss = {not_known, inf, -inf, 0, 1e-30, 1e30};
    for (Method& m : content.evaluation->methods) m.mean = {inf, not_known, -inf}, m.std = {}, m.seconds_per_slice = inf;
    content.evaluation->methods[0].slices.clear();
    for (RealArray* a : {&content.evaluation->images->reference, &content.evaluation->images->methods[1]})
        for (std::int64_t i = 0; i < a->elements(); i += 3) (*a)[i] = i % 2 ? NAN : INFINITY;
    for (float& v : content.evaluation->images->methods[2].values) v = NAN;
    const std::string page = render_html(content);
    CHECK(complaint(page) == "");
    CHECK(self_contained(page));
    CHECK(holds(page, "∞"));
    for (const char* word : {">nan", "\"nan", " nan", "\"inf", " inf ", "-inf"}) CHECK_FALSE(holds(page, word));
}

TEST_CASE("A report of many runs and modules keeps every name") {
    ReportContent content = make_content();
    content.runs.clear();
    for (int i = 0; i < 20; ++i) content.runs.push_back(make_run("run-" + std::to_string(i), "greedy", 40, 1e6));
    const std::string page = render_html(content);
    CHECK(complaint(page) == "");
    CHECK(holds(page, ">module 40</text>"));
    for (int i = 0; i < 20; ++i) CHECK(holds(page, ">run-" + std::to_string(i) + "</text>"));
}
