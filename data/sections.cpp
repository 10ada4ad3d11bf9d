#include "data/sections.hpp"

#include <array>
#include <cmath>
#include <numbers>

#include "data/canvas.hpp"

// The body ends within 0.938 of the field of view, displacement (at most four times its root mean square) included, so that the
// outermost pixels of a matrix of 32 or more are air. Random numbers are drawn in braces or in statements of their own, never as
// two arguments of one call: the order of evaluation of arguments differs between compilers, and with it the picture would.
namespace gleam::data {
namespace {

constexpr double pi = std::numbers::pi;

// Brightness of tissues under one contrast.
struct Contrast {
    double fat, bone, marrow, muscle, fluid, gray, white, organ, blood;
};

Contrast choose_contrast(Philox& random) {
    constexpr std::array<Contrast, 4> kinds{{
        {0.95, 0.05, 0.80, 0.40, 0.14, 0.48, 0.70, 0.55, 0.20},  // T1-weighted
        {0.72, 0.04, 0.55, 0.22, 1.00, 0.62, 0.42, 0.36, 0.06},  // T2-weighted
        {0.70, 0.05, 0.62, 0.46, 1.00, 0.80, 0.58, 0.54, 0.12},  // proton density
        {0.28, 0.03, 0.22, 0.38, 0.08, 0.80, 0.56, 0.58, 0.90},  // fat and fluid suppressed, bright blood
    }};
    Contrast c = kinds[random.below(kinds.size())];
    for (double* v : {&c.fat, &c.bone, &c.marrow, &c.muscle, &c.fluid, &c.gray, &c.white, &c.organ, &c.blood})
        *v *= random.uniform(0.92, 1.08);
    return c;
}

// A whole number from low to high.
int between(Philox& random, int low, int high) {
    return low + static_cast<int>(random.below(static_cast<std::uint32_t>(high - low + 1)));
}

// A place given in the coordinates of a body: (0, 0) its centre, 1 its outline, turned and shifted with it.
struct Frame {
    Ellipse body;

    Ellipse place(Ellipse e) const {
        const double c = std::cos(body.angle), s = std::sin(body.angle);
        const double x = e.x * body.a, y = e.y * body.b;
        e.x = body.x + c * x - s * y;
        e.y = body.y + s * x + c * y;
        e.a *= body.a;
        e.b *= body.b;
        e.angle += body.angle;
        return e;
    }
};

// Small round vessels or nodules, scattered over part of a body.
void scatter(Canvas& canvas, const Frame& frame, Philox& random, int count, double extent, double size, double value) {
    for (int i = 0; i < count; ++i) {
        const double r = extent * std::sqrt(random.uniform());
        const double t = random.uniform(0, 2 * pi);
        Ellipse e{r * std::cos(t), r * std::sin(t)};
        e.a = size * random.uniform(0.6, 1.5);
        e.b = e.a * random.uniform(0.6, 1.2);
        e.angle = random.uniform(0, pi);
        e.value = value * random.uniform(0.85, 1.1);
        canvas.paint(frame.place(e));
    }
}

// The same structure on both sides, not quite symmetric.
void paint_pair(Canvas& canvas, const Frame& frame, Philox& random, Ellipse e) {
    for (double side : {-1.0, 1.0}) {
        Ellipse one = e;
        one.x = side * (e.x + random.uniform(-0.015, 0.015));
        one.y += random.uniform(-0.02, 0.02);
        one.angle *= side;
        one.a *= random.uniform(0.9, 1.1);
        one.b *= random.uniform(0.9, 1.1);
        canvas.paint(frame.place(one));
    }
}

// ---- head -----------------------------------------------------------------------------------------------------------------

void paint_deep_brain(Canvas& canvas, const Frame& brain, const Contrast& c, Philox& random) {
    const double size = random.uniform(0.75, 1.35);  // of the ventricles
    const bool nuclei = random.uniform() < 0.7;
    if (nuclei) {
        paint_pair(canvas, brain, random, {0.20, 0.08, 0.13, 0.16, 0.3, c.gray * 1.02, 0.06, 3, 0.02});    // thalamus
        paint_pair(canvas, brain, random, {0.37, -0.05, 0.07, 0.22, -0.2, c.gray * 0.97, 0.06, 3, 0.02});  // putamen
        paint_pair(canvas, brain, random, {0.18, -0.25, 0.06, 0.11, -0.4, c.gray, 0.06, 3, 0.01});         // caudate head
        paint_pair(canvas, brain, random, {0.55, 0.0, 0.03, 0.20, 0.1, c.fluid, 0.03, 5, 0.0});            // lateral fissure
    }
    paint_pair(canvas, brain, random, {0.09, -0.22, 0.045 * size, 0.17 * size, -0.35, c.fluid, 0.02, 3, 0.0});  // front horns
    paint_pair(canvas, brain, random, {0.19, 0.33, 0.05 * size, 0.18 * size, 0.45, c.fluid, 0.02, 3, 0.0});     // back horns
    if (nuclei)
        canvas.paint(brain.place({0, 0.07, 0.018 * size, 0.13, 0, c.fluid, 0.02, 2, 0.0}));  // third ventricle
    else
        canvas.paint(brain.place({0, 0.05, 0.16, 0.035, 0, c.white * 1.05, 0.02, 2, 0.01}));       // corpus callosum
    paint_pair(canvas, brain, random, {0.22, 0.36, 0.02, 0.05, 0.3, c.gray * 0.7, 0.05, 3, 0.0});  // choroid plexus
}

void paint_head(Canvas& canvas, const Contrast& c, Philox& random) {
    Ellipse scalp{random.uniform(-0.02, 0.02),
                  random.uniform(-0.02, 0.02),
                  random.uniform(0.66, 0.79),
                  random.uniform(0.80, 0.88),
                  random.uniform(-0.12, 0.12),
                  c.fat,
                  0.08,
                  1,
                  0};
    canvas.paint(scalp);
    const double thickness = random.uniform(0.035, 0.07);
    if (random.uniform() < 0.6) canvas.paint(scalp.inside(thickness * 0.6, c.muscle));
    Ellipse skull = scalp.inside(thickness, c.bone);
    canvas.paint(skull);
    const double bone = random.uniform(0.03, 0.06);
    canvas.paint(skull.inside(bone * 0.35, c.marrow * 0.7));
    canvas.paint(skull.inside(bone * 0.65, c.bone));
    Ellipse fluid = skull.inside(bone, c.fluid);
    fluid.texture = 0.03;
    canvas.paint(fluid);

    Ellipse outline = fluid.inside(random.uniform(0.006, 0.022), 0);
    outline.texture = random.uniform(0.025, 0.06);
    const Frame brain{outline};
    Folds folds{c.fluid, c.gray, c.white};
    folds.depth = random.uniform(0.14, 0.26);
    folds.furrow = random.uniform(0.006, 0.016);
    folds.ribbon = random.uniform(0.035, 0.05);
    folds.furrows = between(random, 22, 34);
    canvas.paint_folds(outline, folds, random);

    const double gap = random.uniform(0.012, 0.022);  // between the hemispheres
    canvas.paint(brain.place({0, -0.72, gap, 0.30, 0, c.fluid, 0.03, 2, 0}));
    canvas.paint(brain.place({0, 0.74, gap, 0.28, 0, c.fluid, 0.03, 2, 0}));
    paint_deep_brain(canvas, brain, c, random);
    scatter(canvas, brain, random, between(random, 3, 8), 0.8, 0.016, c.blood);
    if (random.uniform() < 0.5) {  // lesions
        const double value = random.uniform() < 0.5 ? c.fluid : 1.25 * c.gray;
        scatter(canvas, brain, random, between(random, 1, 4), 0.6, 0.05, value);
    }
}

// ---- trunk ----------------------------------------------------------------------------------------------------------------

void paint_spine(Canvas& canvas, const Frame& body, const Contrast& c, Philox& random) {
    const double size = random.uniform(0.9, 1.15), y = random.uniform(0.42, 0.5);
    paint_pair(canvas, body, random, {0.20, y + 0.22, 0.15, 0.19, 0.2, c.muscle, 0.12, 3, 0});  // back muscles
    canvas.paint(body.place({0, y + 0.33, 0.022, 0.13, 0, c.marrow * 0.8, 0.1, 2, 0}));         // spinous process
    const Ellipse vertebra = body.place({0, y, 0.125 * size, 0.155 * size, 0, c.bone, 0.05, 2, 0});
    canvas.paint(vertebra);
    Ellipse marrow = vertebra.inside(0.016, c.marrow * random.uniform(0.6, 1.0));
    marrow.texture = 0.14;
    canvas.paint(marrow);
    const double canal = y + 0.155 * size + 0.05;
    canvas.paint(body.place({0, canal, 0.06, 0.07, 0, c.fluid, 0.02, 1, 0}));
    canvas.paint(body.place({0, canal, 0.028, 0.034, 0, c.gray, 0.04, 1, 0}));
    const double vessel = random.uniform(0.045, 0.06);
    canvas.paint(body.place({-0.10, y - 0.24, vessel, vessel * 1.5, 0, c.blood, 0.03, 1, 0}));
    canvas.paint(body.place({0.09, y - 0.26, vessel * 1.1, vessel * 1.3, 0.2, c.blood * 1.15, 0.03, 2, 0}));
}

void paint_organs(Canvas& canvas, const Frame& body, const Contrast& c, Philox& random) {
    const double side = random.uniform() < 0.5 ? 1 : -1;  // which side the large organ is on: the picture may be flipped
    const bool upper = random.uniform() < 0.6;
    if (upper) {
        Ellipse liver{
            -0.38 * side, -0.12, random.uniform(0.38, 0.46), random.uniform(0.46, 0.6), 0.35 * side, c.organ, 0.07, 5, 0};
        canvas.paint(body.place(liver));
        const Frame inside{body.place(liver)};
        scatter(canvas, inside, random, between(random, 5, 9), 0.7, 0.05, c.blood);
        canvas.paint(
            body.place({0.40 * side, -0.30, random.uniform(0.18, 0.26), 0.28, 0.5, c.fluid * 0.8, 0.15, 4, 0}));  // stomach
        canvas.paint(
            body.place({0.62 * side, 0.22, 0.14, random.uniform(0.22, 0.32), 0.4 * side, c.organ * 1.25, 0.06, 4, 0}));  // spleen
    }
    const double size = random.uniform(0.85, 1.1);
    paint_pair(canvas, body, random, {0.36, 0.36, 0.13 * size, 0.20 * size, 0.35, c.gray, 0.05, 3, 0});  // kidneys
    paint_pair(canvas, body, random, {0.35, 0.36, 0.07 * size, 0.12 * size, 0.35, c.fluid * 0.6 + 0.2, 0.12, 4, 0});
    for (int i = between(random, 4, 8) + (upper ? 0 : 5); i > 0; --i) {  // bowel: wall and content
        const double x = upper ? random.uniform(0.0, 0.5) * side : random.uniform(-0.62, 0.62);
        Ellipse loop{x, random.uniform(-0.62, 0.0)};
        loop.a = random.uniform(0.07, 0.14);
        loop.b = random.uniform(0.08, 0.16);
        loop.angle = random.uniform(0, pi);
        loop.value = c.organ * random.uniform(0.8, 1.2);
        loop.warp = 3;
        const Ellipse wall = body.place(loop);
        canvas.paint(wall);
        Ellipse content = wall.inside(0.022, random.uniform() < 0.4 ? c.bone : c.fluid * random.uniform(0.4, 1.0));
        content.texture = 0.1;
        canvas.paint(content);
    }
}

// Returns the frame of the cavity that holds the organs.
Frame paint_trunk(Canvas& canvas, const Contrast& c, Philox& random) {
    const Ellipse skin{random.uniform(-0.02, 0.02),
                       random.uniform(-0.04, 0.04),
                       random.uniform(0.78, 0.86),
                       random.uniform(0.56, 0.70),
                       random.uniform(-0.06, 0.06),
                       c.muscle,
                       0.05,
                       1.5,
                       0};
    canvas.paint(skin);
    Ellipse fat = skin.inside(0.012, c.fat);
    fat.texture = 0.05;
    canvas.paint(fat);
    Ellipse wall = fat.inside(random.uniform(0.03, 0.1), c.muscle);
    wall.texture = 0.08;
    canvas.paint(wall);
    Ellipse cavity = wall.inside(random.uniform(0.05, 0.08), c.fat * random.uniform(0.75, 1.0));
    cavity.texture = 0.07;
    const int ribs = between(random, 9, 14);
    for (int i = 0; i < ribs; ++i) {
        const double t = 2 * pi * (i + random.uniform(-0.2, 0.2)) / ribs, r = 1 - 0.03 / cavity.b;
        const Frame ring{wall};
        Ellipse rib = ring.place({r * 0.96 * std::cos(t), r * 0.96 * std::sin(t)});
        rib.a = random.uniform(0.035, 0.075);
        rib.b = 0.022;
        rib.angle += t + pi / 2;
        rib.value = c.bone;
        rib.warp = 1.5;
        canvas.paint(rib);
        canvas.paint(rib.inside(0.011, c.marrow));
    }
    canvas.paint(cavity);
    const Frame body{cavity};
    paint_organs(canvas, body, c, random);
    paint_spine(canvas, body, c, random);
    return body;
}

// ---- chest ----------------------------------------------------------------------------------------------------------------

// Two ventricles. While they contract, the area of the left one's muscle stays, so its wall thickens; at beat 0 they are full.
void paint_heart(Canvas& canvas, const Frame& body, const Contrast& c, Philox& random, double beat) {
    const double x = random.uniform(0.02, 0.12), y = random.uniform(-0.3, -0.2), size = random.uniform(0.2, 0.25);
    const double round = random.uniform(1.1, 1.3);  // bodies are wider than high
    const double tilt = random.uniform(-0.3, 0.3), strength = random.uniform(0.3, 0.42);
    const double contraction = strength * 0.5 * (1 - std::cos(2 * pi * beat));
    const double full = 0.66 * size, pool = full * (1 - contraction);
    const double wall = std::sqrt(size * size - full * full + pool * pool);
    const auto disc = [&](double dx, double dy, double a, double b, double value, double texture) {
        canvas.paint(body.place({x + dx, y + dy, a, round * b, tilt, value, texture, 1, 0}));
    };
    disc(-0.04, 0, 1.75 * size, 1.3 * size, c.fat, 0.06);  // around the heart; at rest
    disc(-0.24, -0.03, 0.75 * size * (1 - 0.5 * contraction), 0.95 * size * (1 - 0.4 * contraction), c.muscle, 0.08);
    disc(-0.24, -0.03, 0.62 * size * (1 - 0.7 * contraction), 0.82 * size * (1 - 0.6 * contraction), c.blood * 1.3, 0.04);
    disc(0, 0, wall, wall, c.muscle, 0.08);
    disc(0, 0, pool, pool, c.blood * 1.3, 0.04);
    for (const double side : {-1.0, 1.0})  // papillary muscles move with the wall
        disc(side * 0.62 * pool, 0.45 * pool, 0.16 * full, 0.16 * full, c.muscle, 0.05);
}

void paint_chest(Canvas& canvas, const Contrast& c, Philox& random, double beat) {
    const Frame body = paint_trunk(canvas, c, random);
    paint_pair(canvas, body, random, {0.56, 0.02, 0.36, 0.72, 0.1, 0.06, 0.3, 2, 0.01});  // lungs
    paint_heart(canvas, body, c, random, beat);
}

// ---- limb -----------------------------------------------------------------------------------------------------------------

void paint_bone(Canvas& canvas, const Ellipse& where, const Contrast& c, Philox& random) {
    Ellipse bone = where;
    bone.value = c.bone;
    canvas.paint(bone);
    Ellipse marrow = bone.inside(random.uniform(0.02, 0.045), c.marrow);
    marrow.texture = random.uniform(0.06, 0.16);
    canvas.paint(marrow);
}

void paint_limb(Canvas& canvas, const Contrast& c, Philox& random) {
    const Ellipse skin{random.uniform(-0.04, 0.04),
                       random.uniform(-0.04, 0.04),
                       random.uniform(0.66, 0.82),
                       random.uniform(0.66, 0.82),
                       random.uniform(0, pi),
                       c.muscle,
                       0.04,
                       2,
                       0};
    canvas.paint(skin);
    Ellipse fat = skin.inside(0.014, c.fat);
    fat.texture = 0.05;
    canvas.paint(fat);
    Ellipse fascia = fat.inside(random.uniform(0.04, 0.13), c.muscle);
    fascia.texture = 0.08;
    canvas.paint(fascia);
    const Frame body{fascia};
    const bool two_bones = random.uniform() < 0.4;
    const double turn = random.uniform(0, 2 * pi), septum = random.uniform(0.008, 0.016);
    for (int ring = 0; ring < 2; ++ring) {  // muscles in sheaths of fat: an outer ring, then an inner one
        const int count = ring == 0 ? between(random, 6, 9) : between(random, 3, 5);
        const double radius = ring == 0 ? 0.64 : 0.36;
        for (int i = 0; i < count; ++i) {
            const double t = turn + 2 * pi * (i + random.uniform(-0.2, 0.2)) / count;
            Ellipse muscle{radius * std::cos(t), radius * std::sin(t)};
            muscle.a = random.uniform(0.27, 0.32);
            muscle.b = radius * pi / count * random.uniform(1.05, 1.35);
            muscle.angle = t;
            muscle.value = c.fat * 0.8;
            muscle.warp = 4;
            const Ellipse sheath = body.place(muscle);
            canvas.paint(sheath);
            Ellipse fibres = sheath.inside(septum, c.muscle * random.uniform(0.8, 1.25));
            fibres.texture = random.uniform(0.06, 0.16);
            canvas.paint(fibres);
        }
    }
    const double size = random.uniform(0.2, 0.3), from = random.uniform(0.0, 0.25);
    paint_bone(
        canvas,
        body.place({from * std::cos(turn), from * std::sin(turn), size, size * random.uniform(0.85, 1.1), turn, 0, 0.04, 2, 0}),
        c, random);
    if (two_bones)
        paint_bone(canvas,
                   body.place({-0.5 * std::cos(turn), -0.5 * std::sin(turn), size * 0.5, size * 0.42, turn, 0, 0.04, 2, 0}), c,
                   random);
    scatter(canvas, body, random, between(random, 5, 10), 0.85, 0.025, c.blood);
    scatter(canvas, body, random, between(random, 3, 6), 0.95, 0.022, c.fat);
}

}  // namespace

std::vector<float> make_section(std::int64_t height, std::int64_t width, Philox& random, const View& view) {
    Canvas canvas(height, width, random, view.z);
    const Contrast contrast = choose_contrast(random);
    const double kind = random.uniform();
    if (view.beat)
        paint_chest(canvas, contrast, random, *view.beat);
    else if (kind < 0.5)
        paint_head(canvas, contrast, random);
    else if (kind < 0.75)
        paint_trunk(canvas, contrast, random);
    else
        paint_limb(canvas, contrast, random);
    return canvas.picture();
}

}  // namespace gleam::data
