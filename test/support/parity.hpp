// Traces of training steps against their float64 references, on any device (docs/testing.md, "Parity").
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "greedy/trace.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

namespace gleam::test {

inline const fs::path own_cases = fs::path(GLEAM_SOURCE_DIR) / "test" / "greedy" / "parity";

// Relative difference, at most, of outputs and losses, of gradients, and of weights after the steps.
struct Tolerance {
    double outputs, gradients, weights;
};
inline constexpr Tolerance fp64{1e-10, 1e-9, 1e-7}, fp32{5e-6, 1e-4, 2e-5};

// The largest difference of a kind of arrays, and where it was.
struct Worst {
    double difference = 0;
    std::string where = "nowhere";

    void meet(double d, const std::string& place) {
        if (!std::isnan(difference) && !(d <= difference)) difference = d, where = place;  // nothing is worse than NaN
    }
};
struct Differences {
    Worst outputs, gradients, weights;
};

inline double relative_difference(const Array<double>& a, const Array<double>& reference) {
    double difference = 0, size = 0;
    for (std::int64_t i = 0; i < a.elements(); ++i) {
        difference += std::pow(a[i] - reference[i], 2);
        size += std::pow(reference[i], 2);
    }
    return std::sqrt(difference / (size + 1e-300));
}

inline void list_datasets(const data::Hdf5File& file, const std::string& group, std::vector<std::string>& names) {
    for (const std::string& name : file.list(group.empty() ? "/" : group)) {
        const std::string path = group.empty() ? name : group + "/" + name;
        if (file.is_dataset(path))
            names.push_back(path);
        else
            list_datasets(file, path, names);
    }
}

inline void require_parity(const fs::path& mine, const fs::path& reference_path, const Tolerance& tolerance, Differences& worst) {
    const data::Hdf5File result(mine), reference(reference_path);
    std::vector<std::string> names;
    list_datasets(reference, "", names);
    CHECK(names.size() > 20);
    for (const std::string& name : names) {
        const std::string place = reference_path.filename().string() + " " + name;
        INFO(place);
        REQUIRE(result.exists(name));
        const auto a = result.read<double>(name), b = reference.read<double>(name);
        REQUIRE(a.shape == b.shape);
        const bool gradient = name.find("/grads/") != std::string::npos, weight = name.find("weights/") != std::string::npos;
        const double difference = relative_difference(a, b);
        CHECK(difference <= (gradient ? tolerance.gradients : weight ? tolerance.weights : tolerance.outputs));
        (gradient ? worst.gradients : weight ? worst.weights : worst.outputs).meet(difference, place);
    }
}

// Cases of the strategies that exist, with their references beside them.
inline std::vector<fs::path> parity_cases(const fs::path& folder) {
    std::vector<fs::path> cases;
    if (!fs::exists(folder)) return cases;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (!name.ends_with(".case.h5")) continue;
        const std::string mode = data::Hdf5File(entry.path()).string_attribute("train", "mode");
        if (mode != "pgleam") cases.push_back(entry.path());
    }
    std::sort(cases.begin(), cases.end());
    return cases;
}

// Runs the cases; returns the largest differences there were.
inline Differences require_parity(const std::vector<fs::path>& cases, const greedy::TraceOptions& options,
                                  const Tolerance& tolerance, kernels::Operations& ops) {
    const TemporaryDirectory directory;
    Differences worst;
    for (const fs::path& path : cases) {
        const std::string text = path.string();
        const fs::path reference = text.substr(0, text.size() - std::string("case.h5").size()) + "ref.h5";
        const fs::path out = directory / "out.h5";
        greedy::trace(greedy::TraceCase(path, {}), out, options, ops);
        require_parity(out, reference, tolerance, worst);
    }
    return worst;
}

}  // namespace gleam::test
