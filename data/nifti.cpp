#include "data/nifti.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "data/checks.hpp"

namespace gleam::data {
namespace {

static_assert(std::endian::native == std::endian::little, "bytes are swapped for big-endian files only");

// Byte offsets in the 348-byte header of NIfTI-1.
constexpr std::size_t header_bytes = 348, values_at = 352;
constexpr std::size_t at_size = 0, at_dim = 40, at_type = 70, at_bits = 72, at_pixdim = 76, at_offset = 108, at_slope = 112,
                      at_intercept = 116, at_units = 123, at_magic = 344;
constexpr std::int16_t type_float32 = 16;
constexpr unsigned most_compressed = 1040;  // deflate cannot shrink data by more than about this factor

using Header = std::array<unsigned char, values_at>;

// A file of zlib, which also passes plain files through.
class GzFile {
public:
    GzFile(const fs::path& path, const char* mode) : path_(path), file_(gzopen(path.c_str(), mode)) {
        if (!file_) throw DataError(path.string(), std::string("cannot be opened: ") + std::strerror(errno), "check the path");
        gzbuffer(file_, 1 << 17);
    }
    GzFile(const GzFile&) = delete;
    GzFile& operator=(const GzFile&) = delete;
    ~GzFile() {
        if (file_) gzclose(file_);
    }

    // Fills `out` or throws.
    void read(void* out, std::size_t bytes) {
        auto* to = static_cast<char*>(out);
        while (bytes > 0) {
            const int got = gzread(file_, to, static_cast<unsigned>(std::min<std::size_t>(bytes, 1 << 30)));
            if (got <= 0) throw DataError(path_.string(), "is truncated or damaged: " + reason("it ends early"), "copy it again");
            to += got, bytes -= static_cast<std::size_t>(got);
        }
    }

    // Reads on to the end of a compressed file, whose checksum stands there.
    void verify_rest() {
        std::array<char, 4096> rest{};
        int got = 0;
        while ((got = gzread(file_, rest.data(), rest.size())) > 0) {
        }
        int error = Z_OK;
        gzerror(file_, &error);
        if (got < 0 || (error != Z_OK && error != Z_STREAM_END))
            throw DataError(path_.string(), "is truncated or damaged: " + reason("its end is missing"), "copy it again");
    }

    bool write(const void* in, std::size_t bytes) {
        const auto* from = static_cast<const char*>(in);
        while (bytes > 0) {
            const int put = gzwrite(file_, from, static_cast<unsigned>(std::min<std::size_t>(bytes, 1 << 30)));
            if (put <= 0) return false;
            from += put, bytes -= static_cast<std::size_t>(put);
        }
        return true;
    }
    bool close() { return gzclose(std::exchange(file_, nullptr)) == Z_OK; }

private:
    std::string reason(const std::string& otherwise) {
        int error = Z_OK;
        const char* text = gzerror(file_, &error);
        return error == Z_OK || error == Z_STREAM_END || !text || !*text ? otherwise : text;
    }

    fs::path path_;
    gzFile file_;
};

template <class T>
T load(const unsigned char* bytes, bool swap) {
    std::array<unsigned char, sizeof(T)> copy{};
    std::memcpy(copy.data(), bytes, sizeof(T));
    if (swap) std::reverse(copy.begin(), copy.end());
    T value;
    std::memcpy(&value, copy.data(), sizeof(T));
    return value;
}

template <class T>
void store(Header& header, std::size_t at, T value) {
    std::memcpy(header.data() + at, &value, sizeof(T));
}

template <class T>
void convert(const unsigned char* in, std::size_t count, bool swap, double slope, double intercept, float* out) {
    for (std::size_t i = 0; i < count; ++i)
        out[i] = static_cast<float>(slope * static_cast<double>(load<T>(in + i * sizeof(T), swap)) + intercept);
}

struct Element {
    std::size_t bytes;
    void (*convert)(const unsigned char*, std::size_t, bool, double, double, float*);
};

Element element_of(std::int16_t type, const std::string& where) {
    switch (type) {
        case 2:
            return {1, convert<std::uint8_t>};
        case 4:
            return {2, convert<std::int16_t>};
        case 8:
            return {4, convert<std::int32_t>};
        case type_float32:
            return {4, convert<float>};
        case 64:
            return {8, convert<double>};
        case 256:
            return {1, convert<std::int8_t>};
        case 512:
            return {2, convert<std::uint16_t>};
        case 768:
            return {4, convert<std::uint32_t>};
        default:
            throw DataError(where, fmt::format("holds values of NIfTI type {}", type), "convert it to float32");
    }
}

// Decides the byte order; refuses what is not a single-file NIfTI-1.
bool is_swapped(const Header& h, const std::string& where) {
    const auto size = load<std::int32_t>(h.data() + at_size, false), other = load<std::int32_t>(h.data() + at_size, true);
    if (size == 540 || other == 540) throw DataError(where, "is NIfTI-2", "convert it to NIfTI-1");
    const bool known = size == static_cast<std::int32_t>(header_bytes) || other == static_cast<std::int32_t>(header_bytes);
    const std::string magic(reinterpret_cast<const char*>(h.data() + at_magic), 4);
    if (known && magic == std::string("ni1\0", 4))
        throw DataError(where, "is the header of a .hdr/.img pair", "convert it to .nii");
    if (!known || magic != std::string("n+1\0", 4))
        throw DataError(where, "is not a NIfTI-1 file", "check the path and the format");
    return size != static_cast<std::int32_t>(header_bytes);
}

Shape shape_in(const Header& h, bool swap, const std::string& where) {
    auto dim = [&](std::size_t i) { return load<std::int16_t>(h.data() + at_dim + 2 * i, swap); };
    const std::int16_t rank = dim(0);
    if (rank < 1 || rank > 7) throw DataError(where, fmt::format("says it has {} axes", rank), "the header is damaged");
    Shape shape{1, 1, 1};
    for (int axis = 0; axis < rank; ++axis) {
        const std::int16_t size = dim(static_cast<std::size_t>(axis) + 1);
        if (size < 1)
            throw DataError(where, fmt::format("has a size of {} along axis {}", size, axis + 1), "the header is damaged");
        if (axis < 3) shape[2 - axis] = size;
        if (axis >= 3 && size > 1)
            throw DataError(where, fmt::format("has {} volumes along axis {}", size, axis + 1), "extract one volume");
    }
    return shape;
}

void require_room(const fs::path& path, std::size_t needed) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (error) throw DataError(path.string(), "cannot be read: " + error.message(), "check the path");
    if (needed / most_compressed > size)
        throw DataError(path.string(), fmt::format("is too short for the {} bytes it promises", needed),
                        "it is truncated or damaged");
}

double millimetres(const Header& h) {
    switch (h[at_units] & 7) {
        case 1:
            return 1e3;
        case 3:
            return 1e-3;
        default:
            return 1;
    }
}

}  // namespace

NiftiImage read_nifti(const fs::path& path) {
    const std::string where = path.string();
    std::error_code error;
    if (!fs::exists(path, error)) throw DataError(where, "does not exist", "check the path");
    if (fs::is_directory(path, error)) throw DataError(where, "is a directory", "name a file inside it");
    GzFile file(path, "rb");
    Header header{};
    file.read(header.data(), header_bytes);
    const bool swap = is_swapped(header, where);
    const Shape shape = shape_in(header, swap, where);
    const Element element = element_of(load<std::int16_t>(header.data() + at_type, swap), where);
    if (load<std::int16_t>(header.data() + at_bits, swap) != static_cast<std::int16_t>(8 * element.bytes))
        throw DataError(where, "has a type and a number of bits that do not agree", "the header is damaged");
    const std::size_t bytes = checked_bytes(where, shape, element.bytes);
    const auto offset = load<float>(header.data() + at_offset, swap);
    if (!(offset >= static_cast<float>(values_at) && offset < 1e9F))
        throw DataError(where, fmt::format("has its values at offset {}", offset), "the header is damaged");
    require_room(path, bytes + static_cast<std::size_t>(offset));

    // A slope of zero means: not scaled.
    const auto slope = load<float>(header.data() + at_slope, swap), intercept = load<float>(header.data() + at_intercept, swap);
    const bool scaled = std::isfinite(slope) && std::isfinite(intercept) && slope != 0;

    NiftiImage image{allocate<float>(where, shape), {}};
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const double size = std::abs(load<float>(header.data() + at_pixdim + 4 * (3 - axis), swap)) * millimetres(header);
        image.voxel_mm[axis] = std::isfinite(size) && size > 0 ? static_cast<float>(size) : 1.0F;
    }
    std::vector<unsigned char> part(1 << 20);
    for (std::size_t skip = static_cast<std::size_t>(offset) - header_bytes; skip > 0;) {
        const std::size_t now = std::min(skip, part.size());
        file.read(part.data(), now);
        skip -= now;
    }
    for (std::size_t done = 0; done < bytes;) {
        const std::size_t now = std::min(bytes - done, part.size());
        file.read(part.data(), now);
        element.convert(part.data(), now / element.bytes, swap, scaled ? slope : 1, scaled ? intercept : 0,
                        image.values.data() + done / element.bytes);
        done += now;
    }
    file.verify_rest();
    return image;
}

void write_nifti(const fs::path& path, const NiftiImage& image) {
    const Shape& shape = image.values.shape;
    if (shape.rank() < 2 || shape.rank() > 3 || shape.elements() < 1)
        throw DataError(path.string(), "cannot hold shape " + shape.str(), "NIfTI images are [z, y, x] here");
    Header header{};
    store(header, at_size, static_cast<std::int32_t>(header_bytes));
    store(header, at_dim, static_cast<std::int16_t>(3));
    for (int axis = 0; axis < 7; ++axis) {
        const std::int64_t size = axis < shape.rank() ? shape[shape.rank() - 1 - axis] : 1;
        if (size > std::numeric_limits<std::int16_t>::max())
            throw DataError(path.string(), "cannot hold shape " + shape.str(), "NIfTI-1 has at most 32767 points per axis");
        store(header, at_dim + 2 + 2 * static_cast<std::size_t>(axis), static_cast<std::int16_t>(size));
        store(header, at_pixdim + 4 + 4 * static_cast<std::size_t>(axis),
              axis < 3 ? image.voxel_mm[static_cast<std::size_t>(2 - axis)] : 1.0F);
    }
    store(header, at_pixdim, 1.0F);
    store(header, at_type, type_float32);
    store(header, at_bits, static_cast<std::int16_t>(32));
    store(header, at_offset, static_cast<float>(values_at));
    store(header, at_slope, 1.0F);
    header[at_units] = 2;  // millimetres
    std::memcpy(header.data() + at_magic, "n+1", 4);

    AtomicFile file(path);
    GzFile out(file.temporary(), path.extension() == ".gz" ? "wb6" : "wbT");
    errno = 0;
    const bool written = out.write(header.data(), header.size()) &&
                         out.write(image.values.data(), static_cast<std::size_t>(image.values.elements()) * sizeof(float));
    const int error = errno;
    if (!out.close() || !written)
        throw DataError(path.string(), std::string("cannot be written: ") + std::strerror(error ? error : errno),
                        "free some space or choose another place");
    file.commit();
}

}  // namespace gleam::data
