// The program: reads the command line, runs one sub-command, turns errors into messages and exit codes.
#include <algorithm>
#include <new>

#include "core/config.hpp"
#include "core/error.hpp"
#include "core/log.hpp"
#include "core/process.hpp"
#include "core/version.hpp"
#include "tools/gleam/commands.hpp"
#include "tools/wait_passively.hpp"

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

// CLI11 would only say that some sub-command is needed.
std::string unknown_command(const CLI::App& program, const std::string& word) {
    std::vector<std::string> names;
    for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(command->get_name());
    if (word.starts_with("-") || std::find(names.begin(), names.end(), word) != names.end()) return "";
    const std::string nearest = gleam::nearest_word(word, names);
    return "there is no command '" + word + "'" + (nearest.empty() ? "" : ", did you mean '" + nearest + "'?");
}

}  // namespace

int main(int argc, char** argv) {
    gleam::tools::wait_passively(argv);
    gleam::return_freed_memory();
    CLI::App program("Trains and runs unrolled networks for accelerated MRI by greedy, module-wise learning.", "gleam");
    program.set_version_flag("--version", std::string("gleam ") + gleam::version);
    program.require_subcommand(1);
    program.footer(exit_codes);

    gleam::tools::Run run;
    for (auto add :
         {gleam::tools::add_info, gleam::tools::add_simulate, gleam::tools::add_prepare, gleam::tools::add_plan, gleam::tools::add_train,
          gleam::tools::add_reconstruct, gleam::tools::add_evaluate, gleam::tools::add_report, gleam::tools::add_trace})
        add(program, run);
    if (const std::string unknown = argc > 1 ? unknown_command(program, argv[1]) : ""; !unknown.empty()) {
        gleam::log_info("error: {}; `gleam --help` lists the commands", unknown);
        return code(gleam::ExitCode::config);
    }
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return program.exit(e) == 0 ? 0 : code(gleam::ExitCode::config);
    }
    return guarded(run);
}
