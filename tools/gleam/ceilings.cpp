#include "tools/gleam/ceilings.hpp"

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace gleam::tools {

fs::path ceilings_file() {
    const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
    const fs::path folder = cache && *cache ? fs::path(cache) : fs::path(home ? home : ".") / ".cache";
    return folder / "gleam" / "ceilings.json";
}

std::optional<kernels::Ceilings> read_ceilings(const fs::path& file) {
    if (!fs::exists(file)) return std::nullopt;
    constexpr const char* remedy = "run gleam-bench-ceilings again, or remove the file";
    kernels::Ceilings c;
    try {
        const auto json = nlohmann::json::parse(read_file(file));
        c.threads = json.at("threads").get<int>();
        c.fma_gflops = json.at("fma_gflops").get<double>();
        c.copy_gbytes_per_s = json.at("copy_gbytes_per_s").get<double>();
    } catch (const nlohmann::json::exception& e) {
        throw DataError(file.string(), std::string("cannot be understood: ") + e.what(), remedy);
    }
    for (double rate : {c.fma_gflops, c.copy_gbytes_per_s})
        if (!(rate > 0) || !std::isfinite(rate)) throw DataError(file.string(), "holds a rate that is not positive", remedy);
    return c;
}

}  // namespace gleam::tools
