#include "data/hdf5_handles.hpp"

namespace gleam::data::hdf5 {
namespace {

std::recursive_mutex& mutex() {
    static std::recursive_mutex m;
    return m;
}

bool in_child = false;  // changes only where there is a single thread

// Collects the description of the innermost error.
herr_t keep_first(unsigned depth, const H5E_error2_t* error, void* text) {
    if (depth == 0 && error->desc) *static_cast<std::string*>(text) = error->desc;
    return 0;
}

}  // namespace

void Lock::disable_in_child() { in_child = true; }

Lock::Lock() {
    if (in_child) return;
    lock_ = std::unique_lock(mutex());
    // Closing the library at exit can loop for ever after a failed write; nothing of ours needs it.
    static const bool prepared = H5dont_atexit() >= 0 && H5open() >= 0;
    if (!prepared) throw InternalError("HDF5", "the library cannot be initialised");
    thread_local const bool silent = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;  // the library keeps this per thread
    (void)silent;
}

std::string reason() {
    std::string text;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
    H5Eclear2(H5E_DEFAULT);
    return text.empty() ? "unknown reason" : text;
}

Handle memory_type(Hdf5Type type, const std::string& real, const std::string& imaginary) {
    if (type == Hdf5Type::i64) return {H5Tcopy(H5T_NATIVE_INT64), H5Tclose};
    const bool wide = type == Hdf5Type::f64 || type == Hdf5Type::c128;
    const hid_t part = wide ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT;
    if (!is_complex(type)) return {H5Tcopy(part), H5Tclose};
    const std::size_t size = wide ? sizeof(double) : sizeof(float);
    Handle compound(H5Tcreate(H5T_COMPOUND, 2 * size), H5Tclose);
    if (H5Tinsert(compound, real.c_str(), 0, part) < 0 || H5Tinsert(compound, imaginary.c_str(), size, part) < 0)
        throw InternalError("HDF5", "cannot describe complex numbers: " + reason());
    return compound;
}

}  // namespace gleam::data::hdf5
