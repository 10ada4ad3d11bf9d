// The program: reads the command line, runs one sub-command, turns errors into messages and exit codes.
#include <cstdio>
#include <new>

#include "core/error.hpp"
#include "core/log.hpp"
#include "core/version.hpp"
#include "tools/gleam/commands.hpp"

namespace {

constexpr const char* exit_codes =
    "Exit codes: 0 done, 1 defect of gleam, 2 command line or configuration, 3 device, 4 data or files,\n"
    "5 out of memory, 6 lost peer, 7 NaN or infinity, 130 stopped by Ctrl-C, 143 stopped by SIGTERM.";

int code(gleam::ExitCode c) { return static_cast<int>(c); }

int guarded(const gleam::tools::Run& run) {
    try {
        return run();
    } catch (const gleam::Error& e) {
        gleam::log_info("error: {}", e.what());
        return code(e.code());
    } catch (const std::bad_alloc&) {
        gleam::log_info("error: the machine is out of memory; use a smaller matrix, batch or network");
        return code(gleam::ExitCode::out_of_memory);
    } catch (const std::exception& e) {
        gleam::log_info("error: {}; this is a defect of gleam", e.what());
        return code(gleam::ExitCode::internal);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App program("Trains and runs unrolled networks for accelerated MRI by greedy, module-wise learning.", "gleam");
    program.set_version_flag("--version", std::string("gleam ") + gleam::version);
    program.require_subcommand(1);
    program.footer(exit_codes);

    gleam::tools::Run run;
    for (auto add : {gleam::tools::add_info, gleam::tools::add_simulate, gleam::tools::add_prepare, gleam::tools::add_train,
                     gleam::tools::add_reconstruct, gleam::tools::add_evaluate, gleam::tools::add_report})
        add(program, run);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return program.exit(e) == 0 ? 0 : code(gleam::ExitCode::config);
    }
    return guarded(run);
}
