#include <algorithm>

#include "data/loader.hpp"
#include "test/support/catch.hpp"
#include "test/support/dataset.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::TemporaryDirectory;
using gleam::test::tiny_simulation;

namespace {

MaskOptions lines() {
    MaskOptions mask;
    mask.kind = MaskKind::random_1d, mask.acceleration = 2, mask.calibration = 2;
    return mask;
}

Shape batch_of(Shape shape, std::int64_t count) {
    shape[0] = count;
    return shape;
}

// Whether entry n of the batch is `one`.
template <class T>
bool holds(const Array<T>& batch, std::int64_t n, const Array<T>& one) {
    return std::equal(one.values.begin(), one.values.end(), batch.slice(n));
}

}  // namespace

TEST_CASE("Batches of any physics put whole samples one behind the other") {
    TemporaryDirectory dir;
    const auto ops = kernels::make_cpu_operations();
    Arena workspace("test");
    workspace.serve_on_demand(ops->allocator());
    for (Physics physics : {Physics::planar, Physics::volume, Physics::dynamic})
        for (std::int64_t sets : {1, 2}) {
            INFO(name_of(physics) << " with " << sets << " sets");
            test::write_simulated(dir / "set.h5", tiny_simulation(physics, sets, 0.01));
            const Samples samples(dir / "set.h5", {}, lines());
            const DatasetLayout& l = samples.file().layout();
            Loader loader(samples, 2, 9, 0);
            for (std::int64_t step = 0; step < 4; ++step) {
                const HostBatch batch = loader.next();
                CHECK(batch.maps.shape == batch_of(l.maps_shape(), 2));
                CHECK(batch.mask.shape == batch_of(l.rss_shape(), 2));
                CHECK(batch.zero_filled.shape == batch_of(l.image_shape(), 2));
                CHECK(batch.target.shape == batch.zero_filled.shape);
                REQUIRE(batch.slices.size() == 2);
                for (std::int64_t n = 0; n < 2; ++n) {
                    const auto epoch = static_cast<std::uint32_t>((2 * step + n) / 3);
                    const Sample one = samples.read(batch.slices[static_cast<std::size_t>(n)], epoch, *ops, workspace);
                    CHECK(holds(batch.maps, n, one.maps));
                    CHECK(holds(batch.mask, n, one.mask));
                    CHECK(holds(batch.zero_filled, n, one.zero_filled));
                    CHECK(holds(batch.target, n, one.target));
                    CHECK(batch.scales[static_cast<std::size_t>(n)] == one.scale);
                }
            }
        }
}

TEST_CASE("A loader that starts later gives the same batches, every sample once an epoch") {
    TemporaryDirectory dir;
    test::write_simulated(dir / "set.h5", tiny_simulation(Physics::dynamic));
    const Samples samples(dir / "set.h5", {}, lines());
    Loader whole(samples, 1, 9, 0), late(samples, 1, 9, 4);
    std::vector<std::int64_t> seen;
    for (int step = 0; step < 6; ++step) {
        const HostBatch batch = whole.next();
        seen.push_back(batch.slices[0]);
        CHECK(batch.epoch == static_cast<std::uint32_t>(step / 3));
        if (step < 4) continue;
        const HostBatch again = late.next();
        CHECK(again.slices == batch.slices);
        CHECK(again.zero_filled.values == batch.zero_filled.values);
        CHECK(again.mask.values == batch.mask.values);
    }
    for (auto epoch : {seen.begin(), seen.begin() + 3}) {
        std::sort(epoch, epoch + 3);
        CHECK(std::equal(epoch, epoch + 3, std::vector<std::int64_t>{0, 1, 2}.begin()));
    }
}

TEST_CASE("What goes wrong while a batch is made is thrown where it is asked for") {
    TemporaryDirectory dir;
    test::write_simulated(dir / "set.h5", tiny_simulation(Physics::volume));
    MaskOptions impossible = lines();
    impossible.calibration = 9;  // all lines along y
    const Samples samples(dir / "set.h5", {}, impossible);
    Loader loader(samples, 1, 1, 0);
    CHECK_THROWS_WITH(loader.next(), ContainsSubstring("9 calibration lines of 9"));
}
