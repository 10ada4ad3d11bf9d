// Drawing with inline SVG: scales, ticks at nice numbers, and a small canvas. Colours are CSS, so drawings follow the page's
// theme.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gleam::greedy::report {

// Maps values to pixels, linearly or by their logarithm. Non-finite values, and values <= 0 on a logarithmic scale, have no
// place.
struct Scale {
    double low = 0, high = 1;  // values
    double from = 0, to = 1;   // pixels
    bool log = false;

    bool has(double value) const;
    double operator()(double value) const;
};

// The smallest and largest of what can be drawn; empty until something was added.
struct ValueRange {
    double low = 0, high = 0;
    bool empty = true;

    void add(double value);
    // With room on both sides (a share of the extent), and never of extent zero.
    ValueRange padded(double share) const;
};

struct Tick {
    double value;
    std::string label;
};

// At 1, 2 or 5 times a power of ten inside [low, high], about `wanted` of them; labels all have the same number of decimals.
std::vector<Tick> linear_ticks(double low, double high, int wanted);
// At powers of ten, with 2 and 5 between them while there are few. 0 < low < high.
std::vector<Tick> log_ticks(double low, double high);

// About how wide a text is at 12 px, in pixels.
double text_width(std::string_view text, bool bold = false);
// The text, or as much of it as fits with an ellipsis.
std::string shortened(std::string_view text, double width, bool bold = false);

// Moves positions apart until neighbours (in any order) differ by `distance`, keeping the order, within [low, high] while they
// fit.
std::vector<double> spread(const std::vector<double>& wanted, double distance, double low, double high);

enum class Anchor { start, middle, end };

class Svg {
public:
    // `title` is what a screen reader says, `description` what the drawing shows in words.
    Svg(double width, double height, std::string_view title, std::string_view description);

    void line(double x1, double y1, double x2, double y2, std::string_view css_class, std::string_view style = "");
    void rect(double x, double y, double width, double height, std::string_view style, std::string_view tooltip = "");
    // A polyline; breaks where a point is not finite.
    void path(const std::vector<std::pair<double, double>>& points, std::string_view css_class, std::string_view style);
    // Shapes by number, so that colour is not all that tells them apart: disc, square, triangle, diamond, down triangle, cross.
    void marker(std::size_t shape, double x, double y, double size, std::string_view colour, std::string_view css_class = "",
                std::string_view tooltip = "");
    void text(double x, double y, std::string_view text, Anchor anchor = Anchor::start, std::string_view css_class = "");
    void vertical_text(double x, double y, std::string_view text);

    std::string finish();

private:
    std::string out_;
};

// Axes with grid lines and a label ("loss", "training step"); y to the left, x below.
void draw_y_axis(Svg& svg, const Scale& y, const std::vector<Tick>& ticks, double left, double right, std::string_view label);
void draw_x_axis(Svg& svg, const Scale& x, const std::vector<Tick>& ticks, double top, double bottom, std::string_view label,
                 bool grid);

}  // namespace gleam::greedy::report
