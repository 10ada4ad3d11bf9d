#include "kernels/emu/fiber.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#include "core/sanitizers.hpp"

#if !defined(__x86_64__) || defined(GLEAM_EMU_UCONTEXT)
#include <ucontext.h>
#define GLEAM_EMU_UCONTEXT 1
#endif

#ifdef GLEAM_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef GLEAM_EMU_UCONTEXT
// Saves what a called function must keep on the present stack, notes that stack in *from, and goes on with `to`. ucontext would
// enter the kernel for the signal mask each time, which takes far longer.
extern "C" void gleam_emu_switch(void** from, void* to);
asm(R"(
.text
.globl gleam_emu_switch
.hidden gleam_emu_switch
.type gleam_emu_switch, @function
gleam_emu_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size gleam_emu_switch, .-gleam_emu_switch
)");
#endif

namespace gleam::emu {
namespace {

#ifdef GLEAM_ADDRESS_SANITIZER
constexpr std::size_t stack_bytes = 512 * 1024;  // its frames are larger
#else
constexpr std::size_t stack_bytes = 64 * 1024;
#endif

}  // namespace

struct Fiber::Context {
    char* memory = nullptr;  // a page that may not be touched, then the stack
    std::size_t guard = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
#ifdef GLEAM_EMU_UCONTEXT
    ucontext_t own{}, host{};
#else
    void *own = nullptr, *host = nullptr;
#endif
#ifdef GLEAM_ADDRESS_SANITIZER
    void* fake_own = nullptr;
    void* fake_host = nullptr;
    const void* host_stack = nullptr;
    std::size_t host_bytes = 0;
#endif

    char* stack() const { return memory + guard; }

    void enter() {
#ifdef GLEAM_ADDRESS_SANITIZER
        __sanitizer_start_switch_fiber(&fake_host, stack(), stack_bytes);
#endif
#ifdef GLEAM_EMU_UCONTEXT
        ::swapcontext(&host, &own);
#else
        gleam_emu_switch(&host, own);
#endif
#ifdef GLEAM_ADDRESS_SANITIZER
        __sanitizer_finish_switch_fiber(fake_host, nullptr, nullptr);
#endif
    }
    void leave() {
#ifdef GLEAM_ADDRESS_SANITIZER
        __sanitizer_start_switch_fiber(&fake_own, host_stack, host_bytes);
#endif
#ifdef GLEAM_EMU_UCONTEXT
        ::swapcontext(&own, &host);
#else
        gleam_emu_switch(&own, host);
#endif
        arrived();
    }
    // On the fiber, after a switch to it.
    void arrived() {
#ifdef GLEAM_ADDRESS_SANITIZER
        __sanitizer_finish_switch_fiber(fake_own, &host_stack, &host_bytes);
#endif
    }
};

namespace {

// What the next new fiber has to know: the switch hands over nothing.
struct Start {
    void (*arrived)(void*);
    void* context;
    void (*entry)();
};
thread_local Start start;

void begin() {
    const Start s = start;
    s.arrived(s.context);
    s.entry();
    __builtin_trap();  // an entry never returns
}

}  // namespace

Fiber::Fiber(void (*entry)()) : context_(std::make_unique<Context>()), entry_(entry) {
    void* p = ::mmap(nullptr, context_->guard + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                     -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    context_->memory = static_cast<char*>(p);
    ::mprotect(p, context_->guard, PROT_NONE);
    restart();
}

Fiber::~Fiber() { ::munmap(context_->memory, context_->guard + stack_bytes); }

void Fiber::restart() {
#ifdef GLEAM_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(context_->stack(), stack_bytes);
    context_->fake_own = nullptr;
#endif
#ifdef GLEAM_EMU_UCONTEXT
    ::getcontext(&context_->own);
    context_->own.uc_stack.ss_sp = context_->stack();
    context_->own.uc_stack.ss_size = stack_bytes;
    ::makecontext(&context_->own, begin, 0);
#else
    // As if begin() had been called by what lies above: six kept registers, then where to return to.
    auto** top = reinterpret_cast<void**>(context_->stack() + stack_bytes) - 2;
    *top = reinterpret_cast<void*>(&begin);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    context_->own = top;
#endif
}

void Fiber::resume() {
    start = {[](void* c) { static_cast<Context*>(c)->arrived(); }, context_.get(), entry_};
    context_->enter();
}

void Fiber::suspend() { context_->leave(); }

}  // namespace gleam::emu
