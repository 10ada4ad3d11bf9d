#include "greedy/parallel/start.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <initializer_list>

#include "core/error.hpp"
#include "greedy/parallel/tcp/tcp_wire.hpp"
#include "kernels/plugin.hpp"

namespace gleam::greedy {
namespace {

struct Setting {
    std::string name, text;
};

// The first of these variables that is set.
std::optional<Setting> setting(std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (const char* text = std::getenv(name); text && *text) return Setting{name, text};
    return std::nullopt;
}

int whole_number(const Setting& s, int least) {
    const bool digits = s.text.size() <= 6 && s.text.find_first_not_of("0123456789") == std::string::npos;
    const int number = digits ? std::stoi(s.text) : -1;
    if (number < least) throw ConfigError(s.name, "is '" + s.text + "'", fmt::format("set it to a number of at least {}", least));
    return number;
}

int needed_number(std::initializer_list<const char*> names, int least) {
    if (const auto s = setting(names)) return whole_number(*s, least);
    throw ConfigError("GLEAM_RENDEZVOUS", fmt::format("is set, but {} is not", *names.begin()),
                      "set it for each process, or start them with srun or tools/launch.sh");
}

bool started_by_mpi() {
    auto size = setting({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"});
    if (!size && setting({"PMIX_RANK"})) size = setting({"SLURM_NTASKS"});  // srun --mpi=pmix tells no number of its own
    return size && std::atoi(size->text.c_str()) > 1;
}

}  // namespace

std::unique_ptr<Processes> start_processes(std::chrono::milliseconds deadline) {
    if (const auto where = setting({"GLEAM_RENDEZVOUS"})) {
        tcp::Member self;
        self.rendezvous = tcp::Address::parse(where->text, where->name);
        self.rank = needed_number({"GLEAM_RANK", "SLURM_PROCID"}, 0);
        self.count = needed_number({"GLEAM_RANKS", "SLURM_NTASKS"}, 1);
        if (self.rank >= self.count)
            throw ConfigError("GLEAM_RANK", fmt::format("is {}, but there are {} processes", self.rank, self.count),
                              "count ranks from 0");
        if (const auto job = setting({"GLEAM_JOB", "SLURM_JOB_ID"})) self.job = job->text;
        if (self.count == 1) return nullptr;
        return std::make_unique<Processes>(std::make_unique<tcp::TcpWire>(self, deadline));
    }
    if (!started_by_mpi()) return nullptr;
    return std::make_unique<Processes>(static_cast<const WirePlugin*>(kernels::open_library("mpi"))->start(deadline));
}

int rank_on_machine() {
    const auto s = setting({"GLEAM_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"});
    return s ? whole_number(*s, 0) : 0;
}

}  // namespace gleam::greedy
