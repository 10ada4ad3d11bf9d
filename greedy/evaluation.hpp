// Scores of reconstruction methods on a data set: a table for the screen, CSV and JSON for programs, images for the report.
#pragma once

#include <string>
#include <vector>

#include "greedy/reconstruction.hpp"
#include "modules/metrics.hpp"

namespace gleam::greedy {

enum class Reference : std::uint8_t { target, rss };

struct EvaluatedMethod {
    std::string name;   // short, for files: "cg_sense"
    std::string label;  // for people: "CG-SENSE"
    std::unique_ptr<Reconstructor> method;
};

struct SliceScores {
    std::int64_t slice = 0;  // number of the sample: of a slice, a volume or a series of frames
    modules::Scores scores;
};

struct MethodScores {
    std::string name, label;
    double seconds_per_slice = 0;  // median
    std::vector<SliceScores> slices;
};

struct Evaluation {
    std::string input, reference, mask_kind;
    data::Physics physics = data::Physics::planar;
    double requested_acceleration = 1, actual_acceleration = 1;  // actual: mean over samples
    std::vector<MethodScores> methods;
    // Of the shown samples: magnitudes [n, Y, X] of the middle plane or frame, sets combined, in the order: reference, mask, one
    // per method. The mask of volumes is [n, Z, Y].
    std::vector<std::int64_t> shown;
    std::vector<RealArray> images;
};

// Reconstructs every sample by every method and scores it whole. Against `rss` magnitudes are compared (PSNR and NRMSE by
// magnitude), those of several sets combined. `show`: how many samples, evenly spread, keep their images. DataError when the data
// set lacks the reference.
Evaluation evaluate(const data::Samples& samples, std::vector<EvaluatedMethod>& methods, Reference reference, int show);

// method, PSNR, SSIM, NRMSE as mean ± standard deviation over samples, time.
std::string format_table(const Evaluation& evaluation);

// Writes evaluation.json, evaluation.csv and images.h5 into `directory`. DataError.
void write_evaluation(const Evaluation& evaluation, const fs::path& directory);

}  // namespace gleam::greedy
