// A file driver for writing that never fails inside the library. Included by .cpp files only.
//
// HDF5 cannot give up a file whose last flush fails: identifiers stay alive and closing may crash or repeat for ever. This driver
// therefore notes the first failed write, pretends success from then on, and lets the owner look at the note.
#pragma once

#include "data/hdf5_handles.hpp"

namespace gleam::data::hdf5 {

struct WriteNote {
    int error = 0;         // errno of the first write that failed
    bool discard = false;  // set by the owner: nothing more needs to reach the disk
};

// File access properties that write through the driver; `note` has to outlive the file.
Handle writing_access(WriteNote* note);

}  // namespace gleam::data::hdf5
