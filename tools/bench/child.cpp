#include "tools/bench/child.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.hpp"

namespace gleam::bench {
namespace {

std::string read_all(int file) {
    std::string text;
    char part[4096];
    for (;;) {
        const ssize_t n = ::read(file, part, sizeof part);
        if (n > 0) text.append(part, static_cast<std::size_t>(n));
        if (n == 0 || (n < 0 && errno != EINTR)) return text;
    }
}

}  // namespace

std::string run_self(const std::vector<std::string>& arguments) {
    const auto failed = [&](const char* what) {
        return InternalError(fmt::format("child process {}", fmt::join(arguments, " ")), what);
    };
    int ends[2];
    if (::pipe(ends) != 0) throw failed("has no pipe");
    std::vector<std::string> words{"/proc/self/exe"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addclose(&actions, ends[0]);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), ::environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    const std::string output = error == 0 ? read_all(ends[0]) : "";
    ::close(ends[0]);
    if (error != 0) throw failed("cannot be started");
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw failed("failed");
    return output;
}

}  // namespace gleam::bench
