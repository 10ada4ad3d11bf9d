// Runs the gleam program as a user does: arguments in, exit code and output out.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "core/files.hpp"

namespace gleam::test {

struct Finished {
    int code = -1;    // exit code, or -1 when a signal ended it
    int signal = 0;   // the signal that ended it
    std::string out;  // standard output and error
};

// Variables for a program, as NAME=VALUE, in place of or beside those of this one.
using Environment = std::vector<std::string>;

inline Environment with_own_environment(Environment variables) {
    const std::size_t given = variables.size();
    for (char** own = environ; *own; ++own) {
        const std::string entry = *own, name = entry.substr(0, entry.find('=') + 1);
        const auto end = variables.begin() + static_cast<std::ptrdiff_t>(given);
        if (std::none_of(variables.begin(), end, [&](const std::string& v) { return v.starts_with(name); }))
            variables.push_back(entry);
    }
    return variables;
}

// A running gleam, or another program; wait() for it, or signal it first.
class Process {
public:
    // `file_limit`: largest file it may write, in bytes (as a full disk would stop it); 0 for none.
    Process(std::vector<std::string> arguments, const fs::path& log, std::size_t file_limit = 0,
            const std::string& program = GLEAM_PROGRAM, Environment environment = {})
        : log_(log) {
        arguments.insert(arguments.begin(), program);
        environment = with_own_environment(std::move(environment));
        const std::vector<char*> argv = pointers(arguments), variables = pointers(environment);
        pid_ = ::fork();
        if (pid_ != 0) return;
        const int file = ::open(log.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0666);
        ::dup2(file, 1);
        ::dup2(file, 2);
        if (file_limit) {
            ::signal(SIGXFSZ, SIG_IGN);
            const rlimit limit{file_limit, file_limit};
            ::setrlimit(RLIMIT_FSIZE, &limit);
        }
        ::execve(argv[0], argv.data(), variables.data());
        ::_exit(127);
    }

    void send(int signal) const { ::kill(pid_, signal); }

    Finished wait() const {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        Finished f;
        if (WIFEXITED(status))
            f.code = WEXITSTATUS(status);
        else
            f.signal = WTERMSIG(status);
        f.out = read_file(log_);
        return f;
    }

private:
    // As exec takes them.
    static std::vector<char*> pointers(std::vector<std::string>& texts) {
        std::vector<char*> all;
        for (std::string& t : texts) all.push_back(t.data());
        all.push_back(nullptr);
        return all;
    }

    fs::path log_;
    pid_t pid_ = -1;
};

inline Finished run_gleam(const std::vector<std::string>& arguments, const fs::path& log, std::size_t file_limit = 0,
                          const Environment& environment = {}) {
    return Process(arguments, log, file_limit, GLEAM_PROGRAM, environment).wait();
}

}  // namespace gleam::test
