// A canvas on which anatomy is painted from the outside in: soft-edged ellipses in gently warped coordinates, each covering what
// was there. Edges are anti-aliased over one pixel, so that the picture has no stair-steps at any matrix size.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/philox.hpp"

namespace gleam::data {

// Lengths and positions in units of half the field of view (see waves.hpp); y grows downwards.
struct Ellipse {
    double x = 0, y = 0;    // centre
    double a = 1, b = 1;    // half axes
    double angle = 0;       // of the first axis, radians
    double value = 0;       // brightness
    double texture = 0.04;  // relative size of the fine structure
    double warp = 1;        // how strongly the canvas' displacement bends the outline
    double softness = 0;    // width of the edge beyond one pixel

    // The ellipse whose outline lies `by` further inside, with another brightness.
    Ellipse inside(double by, double new_value) const;
};

// A ring of folded tissue: an outer and an inner kind, in between fluid that reaches into the furrows.
struct Folds {
    double fluid, outer, inner;  // brightness
    double depth = 0.22;         // of the furrows
    double furrow = 0.012;       // half width of the furrows
    double ribbon = 0.045;       // thickness of the outer tissue
    int furrows = 20;            // around the whole outline, roughly
};

class Canvas {
public:
    // An empty canvas; `random` chooses how coordinates are bent and the fine structure. With `z` (-1 .. 1) it is a section
    // through a volume: the object as a whole is largest at 0 and has ended at |z| = 0.94, ellipses are ellipsoids, and small
    // ones have their centres at other z. The same strokes on canvases at all z give the volume.
    Canvas(std::int64_t height, std::int64_t width, Philox& random, std::optional<double> z = std::nullopt);

    void paint(const Ellipse& ellipse);
    // `outline` gives the shape; its brightness is not used.
    void paint_folds(const Ellipse& outline, const Folds& folds, Philox& random);

    // Brightness with its texture, never negative. [height, width]
    std::vector<float> picture() const;

private:
    std::optional<Ellipse> here(const Ellipse& ellipse) const;
    // Position of a pixel in the coordinates of the object, before bending.
    double place(std::int64_t i, std::int64_t n) const;
    double pixel(std::int64_t n) const { return 2.0 / static_cast<double>(n) / zoom_; }
    void blend(std::size_t pixel, float cover, float value, float texture);

    std::int64_t height_, width_;
    std::optional<double> z_;
    double zoom_ = 1;                       // size of the object in this section; 0: it has ended
    std::vector<float> shift_x_, shift_y_;  // displacement for warp = 1
    std::vector<float> grain_;              // fine structure, variance 1
    std::vector<float> value_, texture_;
};

}  // namespace gleam::data
