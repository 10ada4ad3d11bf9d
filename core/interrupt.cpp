#include "core/interrupt.hpp"

#include <csignal>
#include <initializer_list>

namespace gleam {
namespace {

volatile std::sig_atomic_t received = 0;

void note(int signal) {
    if (received) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
    received = signal;
}

}  // namespace

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = note;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    for (int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

int interrupt_signal() { return received; }

}  // namespace gleam
