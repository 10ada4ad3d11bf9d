// A SENSE operator with random maps of unit norm and a random mask, of any physics, in double.
#pragma once

#include "modules/sense.hpp"
#include "test/support/numbers.hpp"

namespace gleam::test {

struct Physics {
    const char* name;
    std::int64_t frames, depth, height, width, sets;
    int constant_axis;  // of the mask; 0: none

    int rank() const { return depth > 1 ? 3 : 2; }
};

inline constexpr Physics all_physics[] = {{"2D", 1, 1, 6, 5, 1, 0},
                                          {"2D, even", 1, 1, 4, 6, 1, 0},
                                          {"2D, mask of lines", 1, 1, 6, 5, 1, 4},
                                          {"2D, two map sets", 1, 1, 5, 4, 2, 0},
                                          {"3D", 1, 3, 4, 5, 1, 0},
                                          {"3D, readout sampled", 1, 4, 3, 5, 1, 5},
                                          {"2D + time", 3, 1, 4, 5, 1, 0},
                                          {"2D + time, two map sets", 2, 1, 3, 5, 2, 4},
                                          {"a single row", 1, 1, 1, 7, 1, 0}};

struct SenseProblem {
    using C = std::complex<double>;
    Array<C> maps, zero_filled;
    Array<double> mask, folded;
    modules::SenseOperator sense;

    SenseProblem(const Physics& p, std::int64_t batch, std::int64_t coils, double sampled = 0.4) {
        const auto with_sets = [&](Shape s) {
            if (p.sets > 1) s.append(p.sets);
            return s;
        };
        maps = random_array<C>(with_sets({batch, 1, coils, p.depth, p.height, p.width}), 1);
        zero_filled = random_array<C>(with_sets({batch, p.frames, 1, p.depth, p.height, p.width}), 2);
        const std::int64_t per_coil = p.depth * p.height * p.width * p.sets;
        for (std::int64_t n = 0; n < batch; ++n)
            for (std::int64_t i = 0; i < per_coil; ++i) {
                double sum = 0;
                for (std::int64_t c = 0; c < coils; ++c) sum += std::norm(maps[(n * coils + c) * per_coil + i]);
                sum *= static_cast<double>(p.sets);  // sets are not orthogonal here: their sum still has norm <= 1
                for (std::int64_t c = 0; c < coils; ++c) maps[(n * coils + c) * per_coil + i] /= std::sqrt(sum);
            }
        Shape thin{batch, p.frames, 1, p.depth, p.height, p.width};
        if (p.constant_axis) thin[p.constant_axis] = 1;
        mask = Array<double>(thin);
        Philox random(1, Purpose::test);
        for (auto& m : mask.values) m = random.uniform() < sampled ? 1 : 0;
        mask[0] = 1;
        folded = Array<double>(mask.shape);
        Bench().ops->normal_mask(mask.view(), p.rank(), folded.view());
        sense = modules::SenseOperator{maps.view(), folded.view(), p.rank()};
    }
};

}  // namespace gleam::test
