// Stacks that one host thread switches between; for engine.cpp.
#pragma once

#include <cstddef>
#include <memory>

namespace gleam::emu {

// A stack of its own on which `entry` runs until it gives the processor back. One host thread uses a fiber; `entry` never
// returns.
class Fiber {
public:
    explicit Fiber(void (*entry)());
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;
    ~Fiber();

    // Runs the fiber from where it left off. Called by the host thread.
    void resume();
    // Back to resume(). Called on the fiber.
    void suspend();
    // Forgets where the fiber left off: the next resume() starts at `entry`.
    void restart();

private:
    struct Context;
    std::unique_ptr<Context> context_;
    void (*entry_)();
};

}  // namespace gleam::emu
