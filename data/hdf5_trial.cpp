#include "data/hdf5_trial.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "core/error.hpp"
#include "data/hdf5.hpp"
#include "data/hdf5_handles.hpp"

namespace gleam::data::hdf5 {
namespace {

constexpr rlim_t processor_seconds = 30;
constexpr std::chrono::seconds patience{120};  // for slow disks; then the trial says nothing
constexpr std::size_t most_remembered = 4096;
constexpr double whole_trial = 64 << 20;  // bytes up to which a data set is read as a whole

// Names one state of one file.
std::string identity_of(const fs::path& path) {
    struct ::stat status {};
    if (::stat(path.c_str(), &status) != 0) return "";
    return fmt::format("{}:{}:{}:{}.{}", status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                       status.st_mtim.tv_nsec);
}

[[noreturn]] void run_child(const std::function<void()>& read) {
    for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
    const rlimit time{processor_seconds, processor_seconds + 1}, no_core{0, 0};
    ::setrlimit(RLIMIT_CPU, &time);
    ::setrlimit(RLIMIT_CORE, &no_core);
    // The parent reports; what a crashing library says would only confuse.
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) ::dup2(nowhere, STDOUT_FILENO), ::dup2(nowhere, STDERR_FILENO);
    Lock::disable_in_child();
    try {
        read();
    } catch (...) {  // an error is an answer
    }
    ::_exit(0);
}

// How the child ended; nothing when that cannot be told.
std::optional<int> wait_for(pid_t child) {
    const auto end = std::chrono::steady_clock::now() + patience;
    std::chrono::microseconds pause{100};
    int status = 0;
    while (true) {
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child) return status;
        if (ended < 0 && errno != EINTR) return std::nullopt;
        if (std::chrono::steady_clock::now() > end) break;
        std::this_thread::sleep_for(pause);
        pause = std::min(2 * pause, std::chrono::microseconds{10000});
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return std::nullopt;
}

void try_attributes(const Hdf5File& file, const std::string& object) {
    try {
        for (const std::string& name : file.attributes(object)) file.attribute_text(object, name);
    } catch (const Error&) {
    }
}

// What is left to try: a limit, because links may go round in circles and large files take time.
struct TrialBudget {
    int objects = 1000;
    double bytes = 256 << 20;
};

template <class T>
void try_values(const Hdf5File& file, const std::string& name, TrialBudget& budget) {
    const Shape shape = file.shape(name);
    const double bytes = static_cast<double>(shape.elements()) * sizeof(T);
    const double entry = shape.rank() > 0 && shape[0] > 0 ? bytes / static_cast<double>(shape[0]) : bytes;
    const bool whole = bytes <= whole_trial;
    if ((budget.bytes -= whole ? bytes : 2 * entry) < 0) return;
    if (whole) {
        file.read<T>(name);
    } else if (shape.rank() > 0) {
        file.read<T>(name, 0, 1);
        file.read<T>(name, shape[0] - 1, 1);
    }
}

void try_dataset(const Hdf5File& file, const std::string& name, TrialBudget& budget) {
    try_attributes(file, name);
    try {
        if (file.is_complex(name)) return try_values<std::complex<float>>(file, name, budget);
        if (file.is_text(name)) return static_cast<void>(file.read_string(name));
        try_values<float>(file, name, budget);
    } catch (const Error&) {
    }
}

void try_everything(const Hdf5File& file, const std::string& group, TrialBudget& budget) {
    try_attributes(file, group);
    std::vector<std::string> names;
    try {
        names = file.list(group);
    } catch (const Error&) {
    }
    for (const std::string& name : names) {
        if (--budget.objects < 0) return;
        const std::string path = group == "/" ? name : group + "/" + name;
        if (file.is_dataset(path))
            try_dataset(file, path, budget);
        else if (file.exists(path))
            try_everything(file, path, budget);
    }
}

}  // namespace

void read_everything(const Hdf5File& file) {
    TrialBudget budget;
    try_everything(file, "/", budget);
}

void require_survivable(const fs::path& path, const std::function<void()>& read) {
    static std::set<std::string> survived;
    const std::string identity = identity_of(path);
    if (survived.count(identity)) return;
    const pid_t child = ::fork();
    if (child == 0) run_child(read);
    std::optional<int> status = child > 0 ? wait_for(child) : std::nullopt;
    if (status && WIFSIGNALED(*status) && (WTERMSIG(*status) == SIGINT || WTERMSIG(*status) == SIGTERM))
        status.reset();  // Ctrl-C reaches the child too, and says nothing about the file
    if (status && *status != 0) {
        const bool endless = WIFSIGNALED(*status) && (WTERMSIG(*status) == SIGXCPU || WTERMSIG(*status) == SIGKILL);
        throw DataError(path.string(),
                        endless ? "is damaged: reading it does not come to an end" : "is damaged: HDF5 crashes on it",
                        "copy or write the file again");
    }
    if (survived.size() >= most_remembered) survived.clear();
    if (status && !identity.empty()) survived.insert(identity);
}

}  // namespace gleam::data::hdf5
