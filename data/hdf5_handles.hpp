// What the HDF5 reader and writer share: ownership of identifiers, the lock, types and reasons. Included by .cpp files only.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

#include "core/shape.hpp"
#include "data/hdf5.hpp"

namespace gleam::data::hdf5 {

static_assert(sizeof(hid_t) == sizeof(std::int64_t), "HDF5 1.10 or newer is needed");

// Held during every use of the library, which need not be built for threads. Also silences its own error printing.
class Lock {
public:
    Lock();

    // For a forked child, which has one thread and must not wait for the locks of its parent's: from now on nothing is locked.
    static void disable_in_child();

private:
    std::unique_lock<std::recursive_mutex> lock_;
};

// Owns one identifier.
class Handle {
public:
    using Close = herr_t (*)(hid_t);
    Handle(hid_t id, Close close) : id_(id), close_(close) {}
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
    Handle& operator=(Handle&&) = delete;
    ~Handle() {
        if (id_ >= 0) close_(id_);
    }
    operator hid_t() const { return id_; }
    bool valid() const { return id_ >= 0; }

private:
    hid_t id_;
    Close close_;
};

// The deepest reason the library gives for its last failure; forgets it.
std::string reason();

// The type in memory. `real` and `imaginary` name the members of complex numbers.
Handle memory_type(Hdf5Type type, const std::string& real = "r", const std::string& imaginary = "i");

constexpr bool is_complex(Hdf5Type type) { return type == Hdf5Type::c64 || type == Hdf5Type::c128; }

}  // namespace gleam::data::hdf5
