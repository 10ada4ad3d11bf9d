// A trial reading in a child process. Included by .cpp files only.
//
// The HDF5 library trusts the structures of a file: a few damaged bytes can make it write outside of its memory or never come to
// an end (files of the newest format are protected by checksums, files of h5py and fastMRI are not). What happens to the child is
// therefore looked at before this process reads the file itself.
#pragma once

#include <functional>

#include "core/files.hpp"

namespace gleam::data {
class Hdf5File;
}

namespace gleam::data::hdf5 {

// What the child does: lists groups, reads attributes and data sets (large ones in part, 256 MiB altogether), expecting errors.
void read_everything(const Hdf5File& file);

// Runs `read` in a child process, once per file as long as it does not change. DataError when the child crashes or spends more
// than 30 s of processor time; whatever else happens (errors it throws, a system that does not let it start) is left to the
// caller's own reading. The caller holds hdf5::Lock.
void require_survivable(const fs::path& path, const std::function<void()>& read);

}  // namespace gleam::data::hdf5
