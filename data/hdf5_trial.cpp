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
#include "data/hdf5_handles.hpp"

namespace gleam::data::hdf5 {
namespace {

constexpr rlim_t processor_seconds = 30;
constexpr std::chrono::seconds patience{120};  // for slow disks; then the trial says nothing
constexpr std::size_t most_remembered = 4096;

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

}  // namespace

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
