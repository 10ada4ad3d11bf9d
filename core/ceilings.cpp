#include "core/ceilings.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

namespace gleam {
namespace {

constexpr const char* remedy = "run gleam-bench-ceilings again, or remove the file";

double positive(const nlohmann::json& object, const char* key, const fs::path& file) {
    const auto entry = object.find(key);
    if (entry == object.end() || !entry->is_number() || !(entry->get<double>() > 0) || !std::isfinite(entry->get<double>()))
        throw DataError(file.string(), std::string("'") + key + "' is missing or no positive number", remedy);
    return entry->get<double>();
}

}  // namespace

fs::path ceilings_file() { return cache_file("ceilings.json"); }

std::optional<Ceilings> read_ceilings(const fs::path& file) {
    std::error_code ignored;
    if (file.empty() || !fs::exists(file, ignored)) return std::nullopt;
    const auto json = nlohmann::json::parse(read_file(file), nullptr, false);
    if (!json.is_object()) throw DataError(file.string(), "is no JSON object", remedy);
    Ceilings ceilings{positive(json, "fma_gflops", file), positive(json, "copy_gbytes_per_s", file), 0};
    const double threads = positive(json, "threads", file);
    if (threads > 1e6 || threads != std::floor(threads))
        throw DataError(file.string(), "'threads' is no number of threads", remedy);
    ceilings.threads = static_cast<int>(threads);
    return ceilings;
}

void write_ceilings(const Ceilings& ceilings, const fs::path& file) {
    if (file.empty()) throw DataError("ceilings.json", "has no place: neither XDG_CACHE_HOME nor HOME is set", "set one of them");
    make_directories(file.parent_path());
    const nlohmann::ordered_json json{
        {"fma_gflops", ceilings.fma_gflops}, {"copy_gbytes_per_s", ceilings.copy_gbytes_per_s}, {"threads", ceilings.threads}};
    write_file(file, json.dump(1) + "\n");
}

}  // namespace gleam
