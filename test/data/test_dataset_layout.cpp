#include "core/error.hpp"
#include "data/dataset_layout.hpp"
#include "test/support/catch.hpp"

using namespace gleam;
using namespace gleam::data;

TEST_CASE("Physics have names, and unknown ones are answered with the list") {
    for (Physics physics : {Physics::planar, Physics::volume, Physics::dynamic}) CHECK(physics_of(name_of(physics)) == physics);
    CHECK(name_of(Physics::dynamic) == "2d+t");
    CHECK_THROWS_AS(physics_of("4d"), ConfigError);
    CHECK_THROWS_WITH(physics_of("4d"), ContainsSubstring("'4d'") && ContainsSubstring("2d, 3d or 2d+t"));
}

TEST_CASE("Arrays have all axes in memory and in a file those of their physics") {
    DatasetLayout l{7, 3, 5, 6};
    CHECK(l.kspace_shape() == Shape{1, 1, 3, 1, 5, 6});
    CHECK(l.image_shape() == Shape{1, 1, 1, 1, 5, 6});
    CHECK(l.stored_kspace() == Shape{7, 3, 5, 6});
    CHECK(l.stored_image() == Shape{7, 5, 6});
    CHECK(l.stored_mask() == Shape{5, 6});
    CHECK(l.fourier_rank() == 2);
    CHECK(kspace_axes(l.physics) == "slice, coil, y, x");

    l.physics = Physics::volume, l.depth = 4, l.mask_per_slice = true;
    CHECK(l.kspace_shape() == Shape{1, 1, 3, 4, 5, 6});
    CHECK(l.mask_shape() == Shape{1, 1, 1, 4, 5, 6});
    CHECK(l.stored_maps() == Shape{7, 3, 4, 5, 6});
    CHECK(l.stored_rss() == Shape{7, 4, 5, 6});
    CHECK(l.stored_mask() == Shape{7, 4, 5, 6});
    CHECK(l.fourier_rank() == 3);
    CHECK(kspace_axes(l.physics) == "volume, coil, z, y, x");

    l.physics = Physics::dynamic, l.depth = 1, l.frames = 2, l.sets = 2;
    CHECK(l.kspace_shape() == Shape{1, 2, 3, 1, 5, 6});
    CHECK(l.maps_shape() == Shape{1, 1, 3, 1, 5, 6, 2});
    CHECK(l.image_shape() == Shape{1, 2, 1, 1, 5, 6, 2});
    CHECK(l.rss_shape() == Shape{1, 2, 1, 1, 5, 6});
    CHECK(l.mask_shape() == Shape{1, 1, 1, 1, 5, 6});
    CHECK(l.stored_kspace() == Shape{7, 2, 3, 5, 6});
    CHECK(l.stored_maps() == Shape{7, 3, 5, 6, 2});
    CHECK(l.stored_image() == Shape{7, 2, 5, 6, 2});
    CHECK(l.stored_mask() == Shape{7, 1, 5, 6});
    l.mask_frames = 2, l.mask_per_slice = false;
    CHECK(l.stored_mask() == Shape{2, 5, 6});
    CHECK(l.fourier_rank() == 2);
    CHECK(kspace_axes(l.physics) == "slice, frame, coil, y, x");
}
