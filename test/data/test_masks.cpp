#include <chrono>
#include <cmath>
#include <set>
#include <thread>
#include <utility>

#include "core/philox.hpp"
#include "data/masks.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::data;

namespace {

MaskOptions options(MaskKind kind, double acceleration, int calibration, std::uint64_t seed = 7) {
    MaskOptions o;
    o.kind = kind;
    o.acceleration = acceleration;
    o.calibration = calibration;
    o.seed = seed;
    return o;
}

// The sampled columns; the mask must be constant along y.
std::vector<std::int64_t> lines_of(const Mask& mask) {
    const std::int64_t height = mask.values.shape[0], width = mask.values.shape[1];
    std::vector<std::int64_t> lines;
    for (std::int64_t x = 0; x < width; ++x) {
        for (std::int64_t y = 1; y < height; ++y) REQUIRE(mask.values[y * width + x] == mask.values[x]);
        if (mask.values[x] == 1) lines.push_back(x);
    }
    return lines;
}

std::int64_t count(const Mask& mask) {
    std::int64_t n = 0;
    for (float v : mask.values.values) {
        REQUIRE((v == 0 || v == 1));
        n += v == 1;
    }
    return n;
}

// FNV-1a over the bits.
std::uint64_t checksum(const Mask& mask) {
    std::uint64_t h = 14695981039346656037ULL;
    for (float v : mask.values.values) h = (h ^ (v == 1 ? 1 : 0)) * 1099511628211ULL;
    return h;
}

bool calibrates(std::int64_t n, int calibration, std::int64_t i) {
    const std::int64_t c = std::min<std::int64_t>(calibration, n), first = (n - c + 1) / 2;
    return i >= first && i < first + c;
}

// Distance from the calibration box in units of the axis' end: the definition, written independently.
double axis_distance(std::int64_t n, int calibration, std::int64_t i) {
    const double half = n / 2.0, box = std::min<double>(calibration, n) / 2.0;
    return half > box ? std::max(std::abs(i - std::floor(half)) - box, 0.0) / (half - box) : 0;
}

void check_poisson(const MaskOptions& o, std::int64_t height, std::int64_t width, const Mask& mask) {
    std::vector<std::array<double, 3>> points;  // y, x, radius
    for (std::int64_t y = 0; y < height; ++y)
        for (std::int64_t x = 0; x < width; ++x) {
            const bool sampled = mask.values[y * width + x] == 1;
            if (calibrates(height, o.calibration, y) && calibrates(width, o.calibration, x)) {
                REQUIRE(sampled);
                continue;
            }
            if (!sampled) continue;
            const double r = std::hypot(axis_distance(height, o.calibration, y), axis_distance(width, o.calibration, x));
            REQUIRE(r < 1 + 1e-6);
            points.push_back({static_cast<double>(y), static_cast<double>(x), 1 + mask.slope * r});
        }
    int near = 0;
    for (std::size_t i = 0; i < points.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const double d = std::hypot(points[i][0] - points[j][0], points[i][1] - points[j][1]);
            near += d < std::max(points[i][2], points[j][2]) - 1e-4;
        }
    CHECK(near == 0);
}

}  // namespace

TEST_CASE("Poisson-disc masks have the acceleration, the calibration box and the spacing they promise") {
    struct Case {
        std::int64_t height, width;
        double acceleration;
        int calibration;
    };
    for (const Case& c :
         {Case{128, 128, 6, 20}, {128, 96, 16, 12}, {101, 67, 4, 15}, {64, 65, 12, 0}, {33, 129, 3, 8}, {1, 256, 4, 20}}) {
        INFO(c.height << " x " << c.width << ", R = " << c.acceleration);
        const MaskOptions o = options(MaskKind::poisson, c.acceleration, c.calibration);
        for (std::uint32_t sample = 0; sample < 3; ++sample) {
            const Mask mask = make_mask(o, c.height, c.width, 0, sample);
            CHECK(mask.values.shape == Shape{c.height, c.width});
            CHECK(mask.requested == c.acceleration);
            CHECK(mask.actual == Approx(static_cast<double>(c.height * c.width) / static_cast<double>(count(mask))));
            CHECK(std::abs(mask.actual - c.acceleration) <= 0.1 + 1e-9);
            check_poisson(o, c.height, c.width, mask);
        }
    }
}

TEST_CASE("The density of a Poisson-disc mask falls with the distance from the centre") {
    const MaskOptions o = options(MaskKind::poisson, 8, 10);
    double sampled[4] = {}, points[4] = {};
    for (std::uint32_t sample = 0; sample < 8; ++sample) {
        const Mask mask = make_mask(o, 128, 128, 0, sample);
        for (std::int64_t y = 0; y < 128; ++y)
            for (std::int64_t x = 0; x < 128; ++x) {
                const double r = std::hypot(y - 64.0, x - 64.0) / 64;
                if (r < 0.15 || r >= 0.95) continue;
                const auto ring = static_cast<std::size_t>((r - 0.15) / 0.2);
                sampled[ring] += static_cast<double>(mask.values[y * 128 + x]);
                points[ring] += 1;
            }
    }
    for (int ring = 1; ring < 4; ++ring) CHECK(sampled[ring] / points[ring] < 0.85 * sampled[ring - 1] / points[ring - 1]);
}

TEST_CASE("Every point of the ellipse is sampled by some Poisson-disc mask and opposite halves equally often") {
    const MaskOptions o = options(MaskKind::poisson, 4, 4);
    std::vector<int> hits(32 * 32);
    double left = 0, right = 0;
    for (std::uint32_t sample = 0; sample < 400; ++sample) {
        const Mask mask = make_mask(o, 32, 32, 1, sample);
        for (std::int64_t i = 0; i < 1024; ++i) {
            hits[static_cast<std::size_t>(i)] += mask.values[i] == 1;
            const std::int64_t x = i % 32;
            if (x >= 1 && x < 14) left += static_cast<double>(mask.values[i]);
            if (x > 18) right += static_cast<double>(mask.values[i]);
        }
    }
    int never = 0, corners = 0;
    for (std::int64_t y = 0; y < 32; ++y)
        for (std::int64_t x = 0; x < 32; ++x) {
            const bool inside = std::hypot(axis_distance(32, 4, y), axis_distance(32, 4, x)) < 0.999;
            const int n = hits[static_cast<std::size_t>(y * 32 + x)];
            never += inside && n == 0;
            corners += !inside && n > 0;
        }
    CHECK(never == 0);
    CHECK(corners == 0);
    CHECK(left / right == Approx(1).margin(0.03));
}

TEST_CASE("A mask is the same for the same sample, on every machine") {
    // Known sums: they must never change, whatever the compiler, the processor and the order of calls.
    struct Golden {
        MaskOptions options;
        std::int64_t height, width;
        std::uint32_t epoch, sample;
        std::uint64_t sum;
    };
    const Golden golden[] = {
        {options(MaskKind::poisson, 6, 20), 128, 128, 0, 0, 0x5022e42b0032b737},
        {options(MaskKind::poisson, 16, 20, 1234567890123ULL), 160, 128, 3, 5, 0xb236091f7afdacf4},
        {options(MaskKind::poisson, 4, 5), 37, 61, 1, 2, 0x8ea9bba8121bc706},
        {options(MaskKind::random_1d, 4, 16), 4, 320, 0, 9, 0x5c52cac1d05fe1f5},
        {options(MaskKind::equispaced_1d, 5, 12), 2, 101, 2, 1, 0xffbe2579db06c435},
    };
    for (int round = 0; round < 2; ++round)
        for (const Golden& g : golden) {
            INFO(name_of(g.options.kind) << " " << g.height << " x " << g.width);
            CHECK(checksum(make_mask(g.options, g.height, g.width, g.epoch, g.sample)) == g.sum);
        }
}

TEST_CASE("Masks differ between samples, epochs and seeds") {
    for (MaskKind kind : {MaskKind::poisson, MaskKind::random_1d}) {
        INFO(name_of(kind));
        std::set<std::uint64_t> sums;
        for (std::uint32_t i = 0; i < 8; ++i) {
            sums.insert(checksum(make_mask(options(kind, 4, 8), 48, 96, 0, i)));
            sums.insert(checksum(make_mask(options(kind, 4, 8), 48, 96, i + 1, 0)));
            sums.insert(checksum(make_mask(options(kind, 4, 8, 100 + i), 48, 96, 0, 0)));
        }
        CHECK(sums.size() == 24);
    }
}

TEST_CASE("Threads that make masks at once make the same ones") {
    // A size that no other test uses, so that the threads meet at the search for the first slope.
    const MaskOptions o = options(MaskKind::poisson, 5, 10);
    std::vector<std::uint64_t> sums(8);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < sums.size(); ++i)
        threads.emplace_back([&, i] { sums[i] = checksum(make_mask(o, 83, 71, 0, static_cast<std::uint32_t>(i % 4))); });
    for (auto& t : threads) t.join();
    for (std::size_t i = 0; i < sums.size(); ++i)
        CHECK(sums[i] == checksum(make_mask(o, 83, 71, 0, static_cast<std::uint32_t>(i % 4))));
}

TEST_CASE("Random lines have exactly the number that gives the acceleration, the central ones among them") {
    for (std::int64_t width : {320, 101, 64, 17})
        for (double acceleration : {2.0, 3.5, 4.0}) {
            const int calibration = static_cast<int>(width / 16);
            const MaskOptions o = options(MaskKind::random_1d, acceleration, calibration);
            const Mask mask = make_mask(o, 3, width, 0, 0);
            const auto lines = lines_of(mask);
            INFO(width << " lines, R = " << acceleration);
            CHECK(lines.size() == static_cast<std::size_t>(width / acceleration + 0.5));
            CHECK(mask.actual == Approx(static_cast<double>(width) / static_cast<double>(lines.size())));
            for (std::int64_t x = 0; x < width; ++x)
                if (calibrates(width, calibration, x)) CHECK(mask.values[x] == 1);
        }
}

TEST_CASE("Outside the calibration all random lines are equally likely") {
    const MaskOptions o = options(MaskKind::random_1d, 4, 6);
    std::vector<int> hits(48);
    const int masks = 4000;
    for (int i = 0; i < masks; ++i)
        for (std::int64_t x : lines_of(make_mask(o, 1, 48, 0, static_cast<std::uint32_t>(i))))
            ++hits[static_cast<std::size_t>(x)];
    const double expected = 6.0 / 42;  // 12 lines, 6 of them central
    const double sigma = std::sqrt(expected * (1 - expected) / masks);
    for (std::int64_t x = 0; x < 48; ++x)
        if (!calibrates(48, 6, x))
            CHECK(static_cast<double>(hits[static_cast<std::size_t>(x)]) / masks == Approx(expected).margin(4.5 * sigma));
}

TEST_CASE("Equispaced lines keep their spacing from the offset on and add the central lines") {
    for (std::int64_t width : {320, 101, 13}) {
        MaskOptions o = options(MaskKind::equispaced_1d, 4, 4);
        for (std::int64_t offset = 0; offset < 4; ++offset) {
            o.offset = offset;
            const Mask mask = make_mask(o, 2, width, 0, 0);
            const auto lines = lines_of(mask);
            for (std::int64_t x = 0; x < width; ++x) CHECK((mask.values[x] == 1) == (x % 4 == offset || calibrates(width, 4, x)));
            CHECK(mask.actual == Approx(static_cast<double>(width) / static_cast<double>(lines.size())));
        }
    }
    SECTION("without an offset each sample has its own, and all occur") {
        std::set<std::int64_t> first;
        for (std::uint32_t i = 0; i < 100; ++i)
            first.insert(lines_of(make_mask(options(MaskKind::equispaced_1d, 6, 2), 1, 64, 0, i))[0]);
        CHECK(first == std::set<std::int64_t>{0, 1, 2, 3, 4, 5});
    }
    SECTION("every fourth of 128 lines and 24 central ones are 50 lines") {
        MaskOptions o = options(MaskKind::equispaced_1d, 4, 24);
        o.offset = 0;
        CHECK(make_mask(o, 128, 128, 0, 0).actual == Approx(2.56));
    }
}

TEST_CASE("An acceleration of one samples everything, for all kinds and sizes") {
    for (MaskKind kind : {MaskKind::poisson, MaskKind::random_1d, MaskKind::equispaced_1d})
        for (auto [height, width] : {std::pair{1, 1}, {1, 7}, {5, 1}, {16, 12}}) {
            const Mask mask = make_mask(options(kind, 1, 20), height, width, 0, 0);
            CHECK(count(mask) == height * width);
            CHECK(mask.actual == 1);
        }
}

TEST_CASE("Small, odd and prime sizes give masks or a clear error, never a crash") {
    int made = 0;
    for (MaskKind kind : {MaskKind::poisson, MaskKind::random_1d, MaskKind::equispaced_1d})
        for (std::int64_t height : {1, 2, 3, 7, 13, 31})
            for (std::int64_t width : {1, 2, 3, 5, 11, 37})
                for (double acceleration : {2.0, 3.0, 6.0})
                    for (int calibration : {0, 1, 2, 5}) {
                        const MaskOptions o = options(kind, acceleration, calibration);
                        try {
                            const Mask mask = make_mask(o, height, width, 0, 1);
                            ++made;
                            CHECK(count(mask) >= 1);
                            if (kind == MaskKind::poisson) {
                                CHECK(std::abs(mask.actual - acceleration) <= std::max(0.1, 0.1 * acceleration) + 1e-9);
                                check_poisson(o, height, width, mask);
                            }
                        } catch (const ConfigError& e) {
                            CHECK_THAT(e.what(), ContainsSubstring("mask"));
                        }
                    }
    CHECK(made > 500);
}

TEST_CASE("An acceleration that cannot be had is refused and the closest one named") {
    // 20 x 20 of 64 x 64 points leave 10.24 at most.
    CHECK_THROWS_WITH(make_mask(options(MaskKind::poisson, 16, 20), 64, 64, 0, 0),
                      ContainsSubstring("closest found is 10.") && ContainsSubstring("lower mask.calibration"));
    CHECK_THROWS_WITH(make_mask(options(MaskKind::random_1d, 8, 40), 64, 64, 0, 0),
                      ContainsSubstring("acceleration of 1.6 at most") && ContainsSubstring("lower mask.calibration"));
    CHECK_THROWS_WITH(make_mask(options(MaskKind::equispaced_1d, 4, 64), 64, 64, 0, 0), ContainsSubstring("all of the 64"));
    CHECK_THROWS_AS(make_mask(options(MaskKind::poisson, 1.05, 0), 64, 64, 0, 0), ConfigError);  // the corners are missing
    CHECK_THROWS_AS(make_mask(options(MaskKind::poisson, 6, 20), 1, 1, 0, 0), ConfigError);
}

TEST_CASE("Options without sense are refused") {
    const auto refuse = [](auto change) {
        MaskOptions o = options(MaskKind::equispaced_1d, 4, 8);
        change(o);
        CHECK_THROWS_AS(make_mask(o, 64, 64, 0, 0), ConfigError);
    };
    refuse([](MaskOptions& o) { o.acceleration = 0.5; });
    refuse([](MaskOptions& o) { o.acceleration = std::nan(""); });
    refuse([](MaskOptions& o) { o.acceleration = INFINITY; });
    refuse([](MaskOptions& o) { o.acceleration = 2.5; });
    refuse([](MaskOptions& o) { o.acceleration = 65; });
    refuse([](MaskOptions& o) { o.calibration = -1; });
    refuse([](MaskOptions& o) { o.tolerance = 0; });
    refuse([](MaskOptions& o) { o.offset = 4; });
    refuse([](MaskOptions& o) { o.offset = -1; });
    refuse([](MaskOptions& o) { o.kind = MaskKind::poisson, o.offset = 0; });
    CHECK_THROWS_AS(make_mask(MaskOptions{}, 0, 64, 0, 0), ConfigError);
    CHECK_THROWS_AS(make_mask(MaskOptions{}, 64, 1 << 20, 0, 0), ConfigError);
    CHECK_THROWS_WITH(mask_kind("spiral"), ContainsSubstring("'spiral'") && ContainsSubstring("random_1d"));
    for (MaskKind kind : {MaskKind::poisson, MaskKind::random_1d, MaskKind::equispaced_1d})
        CHECK(mask_kind(name_of(kind)) == kind);
}

TEST_CASE("Masks are made in bounded time, the hard ones too") {
    const auto begin = std::chrono::steady_clock::now();
    int made = 0;
    for (double acceleration : {1.3, 2.0, 2.1, 6.0, 16.0, 60.0, 3000.0, 1e9})
        for (int calibration : {0, 20, 40, 500})
            for (std::uint32_t sample = 0; sample < 2; ++sample) try {
                    made += count(make_mask(options(MaskKind::poisson, acceleration, calibration), 128, 112, 0, sample)) > 0;
                } catch (const ConfigError&) {
                }
    CHECK(made > 10);
    CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < 20);
}

TEST_CASE("Every frame of a sample has a mask of its own, and frame 0 is that of a sample without frames") {
    for (MaskKind kind : {MaskKind::poisson, MaskKind::random_1d}) {
        std::set<std::uint64_t> sums;
        for (std::uint32_t frame = 0; frame < 20; ++frame) {
            const Mask mask = make_mask(options(kind, 4, 8), 48, 96, 2, 5, frame);
            sums.insert(checksum(mask));
            CHECK(mask.actual == Approx(4).epsilon(0.05));
        }
        CHECK(sums.size() == 20);
        CHECK(make_mask(options(kind, 4, 8), 48, 96, 2, 5, 0).values.values ==
              make_mask(options(kind, 4, 8), 48, 96, 2, 5).values.values);
    }
}
