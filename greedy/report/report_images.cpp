// The image grid: mask, reference and reconstructions, and below each reconstruction its error.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/png.hpp"
#include "greedy/report/html.hpp"
#include "greedy/report/report_sections.hpp"

namespace gleam::greedy::report {
namespace {

// The value below which `share` of the finite values lie; 0 when there are none.
float quantile(std::vector<float> values, double share) {
    std::erase_if(values, [](float v) { return !std::isfinite(v); });
    if (values.empty()) return 0;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

std::vector<float> errors(const RealArray& image, const RealArray& reference) {
    std::vector<float> e(image.values.size());
    for (std::size_t i = 0; i < e.size(); ++i) e[i] = std::abs(image.values[i] - reference.values[i]);
    return e;
}

// How much errors are enlarged: a nice number at which nearly all errors of the typical method stay on the scale.
int error_factor(const Images& images, float window) {
    std::vector<float> typical;
    for (const RealArray& image : images.methods) typical.push_back(quantile(errors(image, images.reference), 0.997));
    const float error = quantile(typical, 0.5);
    int best = 1;
    for (int k : {2, 4, 5, 10, 20, 50, 100})
        if (static_cast<float>(k) * error <= window) best = k;
    return best;
}

// Everything the cells of one page share.
struct Grid {
    const Evaluation& evaluation;
    const Images& images;
    float window;  // shown as white
    int factor;    // of errors
    std::int64_t height, width;
};

std::string picture(const data::Picture& picture, const std::string& alt) {
    return fmt::format("<img src=\"{}\" alt=\"{}\" width=\"{}\" height=\"{}\"/>", png_uri(data::encode_png(picture)),
                       escape_html(alt), picture.width, picture.height);
}

std::string cell(const std::string& image, const std::string& title, const std::string& text, const char* css_class = "") {
    return fmt::format("<figure{}>{}<figcaption><b>{}</b>{}</figcaption></figure>\n", css_class, image, escape_html(title),
                       escape_html(text));
}

std::string grey(const RealArray& images, std::int64_t i, float high, const std::string& alt) {
    return picture(data::grey_image(images.slice(i), images.shape[1], images.shape[2], 0, high), alt);
}

const Quality* quality_of(const Method& method, std::int64_t slice) {
    for (const SliceQuality& s : method.slices)
        if (s.slice == slice) return &s.quality;
    return nullptr;
}

std::string colour_bar(const Grid& grid) {
    std::vector<float> ramp(256);
    for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<float>(i);
    const std::string image = png_uri(data::encode_png(data::colour_image(ramp.data(), 1, 256, 0, 255)));
    const double top = 100.0 / grid.factor;
    const int decimals = top < 5 ? 1 : 0;
    return fmt::format(
        "<div class=\"bar\" style=\"grid-column:span 2\"><b>|error|{}</b><img src=\"{}\" alt=\"Colour bar of the error maps, "
        "from 0 to {} % of the "
        "display window\" width=\"256\" height=\"12\"/><span class=\"ends\"><span>0</span><span>{} %</span><span>{} "
        "%</span></span>of the display "
        "window, 0 to {:.3g}; larger errors have the last colour</div>\n",
        grid.factor > 1 ? fmt::format(" × {}", grid.factor) : "", image, fixed(top, decimals), fixed(top / 2, decimals),
        fixed(top, decimals), static_cast<double>(grid.window));
}

// "3", "3, middle plane", "3, middle frame".
std::string shown_part(data::Physics physics, std::int64_t number) {
    std::string text = std::to_string(number);
    if (physics == data::Physics::volume) text += ", middle plane";
    return physics == data::Physics::dynamic ? text + ", middle frame" : text;
}

std::string slice_rows(const Grid& grid, std::int64_t i) {
    const Images& images = grid.images;
    const std::int64_t slice = images.slices[static_cast<std::size_t>(i)];
    const data::Physics physics = grid.evaluation.physics;
    std::string out = fmt::format(
        "<div class=\"slice\"><h3>{} {}</h3>\n<div class=\"scroll\"><div class=\"images\" style=\"grid-template-columns:"
        "repeat({},minmax(0,1fr))\">\n",
        capitalised(sample_name(physics)), shown_part(physics, slice), images.methods.size() + 2);
    const std::string of_slice = fmt::format(" of {} {}", sample_name(physics), shown_part(physics, slice));
    out += cell(grey(images.mask, i, 1, "Sampling mask" + of_slice), "Mask", "R = " + fixed(grid.evaluation.actual, 2),
                " class=\"mask\"");
    out += cell(grey(images.reference, i, grid.window, "Reference" + of_slice), "Reference", grid.evaluation.reference);
    for (std::size_t m = 0; m < images.methods.size(); ++m) {
        const Method& method = grid.evaluation.methods[m];
        const Quality* q = quality_of(method, slice);
        const std::string text = q ? fmt::format("{} dB · SSIM {}", fixed(q->psnr, 2), fixed(q->ssim, 3)) : "";
        out +=
            cell(grey(images.methods[m], i, grid.window, method.label + of_slice + (q ? ", " + text : "")), method.label, text);
    }
    out += colour_bar(grid);
    for (std::size_t m = 0; m < images.methods.size(); ++m) {
        std::vector<float> e(static_cast<std::size_t>(grid.height * grid.width));
        for (std::size_t p = 0; p < e.size(); ++p) e[p] = std::abs(images.methods[m].slice(i)[p] - images.reference.slice(i)[p]);
        const auto map = data::colour_image(e.data(), grid.height, grid.width, 0, grid.window / static_cast<float>(grid.factor));
        out += "<figure>" + picture(map, "Error of " + grid.evaluation.methods[m].label + of_slice) + "</figure>\n";
    }
    return out + "</div></div></div>\n";
}

}  // namespace

std::string images_section(const ReportContent& content) {
    std::string out = "<section id=\"images\"><h2>Images</h2>\n";
    if (!content.evaluation || !content.evaluation->images) return out + absent("No images were recorded.") + "</section>\n";
    const Images& images = *content.evaluation->images;
    if (images.slices.empty() || images.reference.shape.rank() != 3)
        return out + absent("No images were recorded.") + "</section>\n";
    const float white = quantile(images.reference.values, 0.998), window = white > 0 ? white : 1;
    const Grid grid{*content.evaluation,      images, window, error_factor(images, window), images.reference.shape[1],
                    images.reference.shape[2]};
    out += fmt::format(
        "<p class=\"soft\">Magnitudes on one grey scale from 0 to {:.3g} for all {} and methods; error maps enlarged {} on "
        "one "
        "scale.</p>\n",
        static_cast<double>(window), sample_name(grid.evaluation.physics, 2),
        grid.factor > 1 ? fmt::format("{} times", grid.factor) : "once");
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(images.slices.size()); ++i) out += slice_rows(grid, i);
    return out + "</section>\n";
}

}  // namespace gleam::greedy::report
