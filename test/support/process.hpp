// Runs the gleam program as a user does: arguments in, exit code and output out.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

// A running gleam, or another program; wait() for it, or signal it first.
class Process {
public:
    // `file_limit`: largest file it may write, in bytes (as a full disk would stop it); 0 for none.
    Process(std::vector<std::string> arguments, const fs::path& log, std::size_t file_limit = 0,
            const std::string& program = GLEAM_PROGRAM)
        : log_(log) {
        arguments.insert(arguments.begin(), program);
        std::vector<char*> argv;
        for (std::string& a : arguments) argv.push_back(a.data());
        argv.push_back(nullptr);
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
        ::execv(argv[0], argv.data());
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
    fs::path log_;
    pid_t pid_ = -1;
};

inline Finished run_gleam(const std::vector<std::string>& arguments, const fs::path& log, std::size_t file_limit = 0) {
    return Process(arguments, log, file_limit).wait();
}

}  // namespace gleam::test
