#include "data/hdf5_driver.hpp"

#if __has_include(<H5FDdevelop.h>)
#include <H5FDdevelop.h>
#endif
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace gleam::data::hdf5 {
namespace {

// The library sees the first member.
struct OpenFile {
    H5FD_t base{};
    int descriptor = -1;
    haddr_t end_of_allocation = 0;
    haddr_t end_of_file = 0;
    WriteNote* note = nullptr;
};

struct DriverInfo {
    WriteNote* note;
};

OpenFile& self(H5FD_t* file) { return *reinterpret_cast<OpenFile*>(file); }
const OpenFile& self(const H5FD_t* file) { return *reinterpret_cast<const OpenFile*>(file); }

H5FD_t* open_file(const char* name, unsigned flags, hid_t access, haddr_t) {
    const auto* info = static_cast<const DriverInfo*>(H5Pget_driver_info(access));
    if (!info) return nullptr;
    const int mode = O_CLOEXEC | O_RDWR | (flags & H5F_ACC_TRUNC ? O_TRUNC : 0) | (flags & H5F_ACC_CREAT ? O_CREAT : 0) |
                     (flags & H5F_ACC_EXCL ? O_EXCL : 0);
    const int descriptor = ::open(name, mode, 0666);
    struct ::stat status {};
    auto* file = descriptor < 0 || ::fstat(descriptor, &status) != 0 ? nullptr : new (std::nothrow) OpenFile;
    if (!file) {
        if (descriptor >= 0) ::close(descriptor);
        return nullptr;
    }
    file->descriptor = descriptor;
    file->end_of_file = static_cast<haddr_t>(status.st_size);
    file->note = info->note;
    return &file->base;
}

herr_t close_file(H5FD_t* base) {
    OpenFile* file = &self(base);
    if (::close(file->descriptor) != 0 && file->note->error == 0) file->note->error = errno;
    delete file;
    return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
    if (flags)
        *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
                 H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

haddr_t get_allocated(const H5FD_t* base, H5FD_mem_t) { return self(base).end_of_allocation; }

herr_t set_allocated(H5FD_t* base, H5FD_mem_t, haddr_t address) {
    self(base).end_of_allocation = address;
    return 0;
}

haddr_t get_end(const H5FD_t* base, H5FD_mem_t) { return self(base).end_of_file; }

// Beyond the end there are zeros.
herr_t read_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
    auto* out = static_cast<char*>(buffer);
    while (size > 0) {
        const ssize_t got = ::pread(self(base).descriptor, out, size, static_cast<off_t>(address));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) {
            std::memset(out, 0, size);
            return 0;
        }
        out += got, address += static_cast<haddr_t>(got), size -= static_cast<size_t>(got);
    }
    return 0;
}

herr_t write_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, size_t size, const void* buffer) {
    OpenFile& file = self(base);
    const auto* in = static_cast<const char*>(buffer);
    while (size > 0 && file.note->error == 0 && !file.note->discard) {
        const ssize_t put = ::pwrite(file.descriptor, in, size, static_cast<off_t>(address));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            file.note->error = put < 0 ? errno : ENOSPC;
            break;
        }
        in += put, address += static_cast<haddr_t>(put), size -= static_cast<size_t>(put);
    }
    file.end_of_file = std::max(file.end_of_file, address + size);  // also what could not be written: the library must not notice
    return 0;
}

herr_t truncate(H5FD_t* base, hid_t, hbool_t) {
    OpenFile& file = self(base);
    if (file.end_of_allocation == file.end_of_file) return 0;
    if (file.note->error == 0 && !file.note->discard &&
        ::ftruncate(file.descriptor, static_cast<off_t>(file.end_of_allocation)) != 0)
        file.note->error = errno;
    file.end_of_file = file.end_of_allocation;
    return 0;
}

hid_t register_driver() {
    H5FD_class_t driver{};
#ifdef H5FD_CLASS_VERSION
    driver.version = H5FD_CLASS_VERSION;
    driver.value = static_cast<H5FD_class_value_t>(600);  // from the range for private use
#endif
    driver.name = "gleam";
    driver.maxaddr = (static_cast<haddr_t>(1) << 62);
    driver.fc_degree = H5F_CLOSE_STRONG;
    driver.fapl_size = sizeof(DriverInfo);
    driver.open = open_file;
    driver.close = close_file;
    driver.query = query;
    driver.get_eoa = get_allocated;
    driver.set_eoa = set_allocated;
    driver.get_eof = get_end;
    driver.read = read_bytes;
    driver.write = write_bytes;
    driver.truncate = truncate;
    return H5FDregister(&driver);
}

}  // namespace

Handle writing_access(WriteNote* note) {
    static const hid_t driver = register_driver();
    const DriverInfo info{note};
    Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    // The newest format common to HDF5 1.10 and later has checksums in all of its structures.
    if (driver < 0 || H5Pset_driver(access, driver, &info) < 0 || H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0)
        throw InternalError("HDF5", "cannot prepare a file for writing: " + reason());
    return access;
}

}  // namespace gleam::data::hdf5
