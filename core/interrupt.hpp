// Ctrl-C and SIGTERM as a request: the work at hand ends its step, saves, and says how to go on. A second signal ends at once.
#pragma once

namespace gleam {

// Installs the handlers for SIGINT and SIGTERM, once.
void catch_interrupts();

// The signal received since then, or 0.
int interrupt_signal();

}  // namespace gleam
