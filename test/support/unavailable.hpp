// What the program must say and do where its device `cuda` cannot be used.
#pragma once

#include <nlohmann/json.hpp>

#include "test/support/catch.hpp"
#include "test/support/dataset.hpp"
#include "test/support/process.hpp"
#include "test/support/temporary.hpp"

namespace gleam::test {

// What `gleam info --json` says.
inline nlohmann::json program_info(const Environment& environment) {
    const TemporaryDirectory directory;
    const Finished info = run_gleam({"info", "--json"}, directory / "log", 0, environment);
    INFO(info.out);
    REQUIRE(info.code == 0);
    return nlohmann::json::parse(info.out);
}

// The environment where the driver, libcuda.so.1, is the one in this folder: what is found first ends the search.
inline Environment driver_in(const fs::path& folder) {
    const char* before = std::getenv("LD_LIBRARY_PATH");
    return {"LD_LIBRARY_PATH=" + folder.string() + (before ? ":" + std::string(before) : "")};
}

// The environment where there is no driver. `folder` outlives it.
inline Environment no_driver(const TemporaryDirectory& folder) {
    write_bytes(folder / "libcuda.so.1", "no library");
    return driver_in(folder.path());
}

// Reconstructs a small image on `device`.
inline Finished reconstruct_on(const std::string& device, const Environment& environment) {
    const TemporaryDirectory directory;
    write_dataset(directory / "test.h5", 1);
    return run_gleam({"reconstruct", "--method", "zero_filled", "--device", device, "--input", (directory / "test.h5").string(),
                      "--out", (directory / "image.h5").string()},
                     directory / "log", 0, environment);
}

// In this environment `info` must give a reason that contains `why`, and cuda must fail with it; auto must take the CPU, for the
// same reason or for `why_auto`.
inline void require_no_cuda(const Environment& environment, const std::string& why, const std::string& why_auto) {
    INFO("expected reason: " << why);
    const nlohmann::json cuda = program_info(environment)["devices"][1];
    CHECK(cuda["name"] == "cuda");
    CHECK(cuda["available"] == false);
    const std::string detail = cuda["detail"];
    CHECK_THAT(detail, ContainsSubstring(why));

    const TemporaryDirectory directory;
    const Finished text = run_gleam({"info"}, directory / "log", 0, environment);
    CHECK(text.code == 0);
    CHECK_THAT(text.out, ContainsSubstring("cuda     not available  " + detail));

    const Finished automatic = reconstruct_on("auto", environment);
    CHECK(automatic.code == 0);
    CHECK_THAT(automatic.out, ContainsSubstring("device: cpu") && ContainsSubstring("no cuda: ") && ContainsSubstring(why_auto));

    const Finished explicitly = reconstruct_on("cuda", environment);
    CHECK(explicitly.code == 3);
    CHECK_THAT(explicitly.out, ContainsSubstring("error: ") && ContainsSubstring(why));
}

inline void require_no_cuda(const Environment& environment, const std::string& why) { require_no_cuda(environment, why, why); }

}  // namespace gleam::test
