#include "data/hdf5.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

#include "data/hdf5_handles.hpp"
#include "data/hdf5_trial.hpp"

namespace gleam::data {

std::string hdf5_version() {
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

using hdf5::Handle;
using hdf5::Lock;

namespace {

constexpr std::size_t longest_text = std::size_t{256} << 20;
constexpr std::size_t always_plausible = std::size_t{64} << 20;
constexpr std::size_t most_compressed = 4096;  // deflate reaches 1032, widening to float64 adds a factor

// The signature stands at 0, 512, 1024, 2048, …
bool has_signature(const fs::path& path, std::uintmax_t size) {
    static constexpr std::array<char, 8> signature = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    std::ifstream in(path, std::ios::binary);
    for (std::uintmax_t at = 0; at + signature.size() <= size; at = at ? 2 * at : 512) {
        std::array<char, 8> found{};
        in.seekg(static_cast<std::streamoff>(at));
        if (!in.read(found.data(), found.size())) return false;
        if (found == signature) return true;
    }
    return false;
}

void require_readable_file(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) throw DataError(path.string(), "does not exist", "check the path");
    if (fs::is_directory(status)) throw DataError(path.string(), "is a directory, not an HDF5 file", "name a file inside it");
    const std::uintmax_t size = fs::file_size(path, error);
    if (error) throw DataError(path.string(), "cannot be read: " + error.message(), "check the path");
    if (size == 0) throw DataError(path.string(), "is empty", "copy or write the file again");
    if (!std::ifstream(path)) throw DataError(path.string(), "cannot be read", "check the permissions");
    if (!has_signature(path, size)) throw DataError(path.string(), "is not an HDF5 file", "check the path and the format");
}

// Without locks: data often lie on network file systems that have none.
Handle reading_access() {
    Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
    H5Pset_file_locking(access, false, true);
#endif
    return access;
}

Handle open_dataset(const Hdf5File& file, hid_t id, const std::string& name) {
    if (!file.exists(name)) {
        std::string all;
        for (const std::string& other : file.list()) all += (all.empty() ? "" : ", ") + other;
        throw DataError(file.where(name), "is not in the file", "it holds: " + (all.empty() ? "nothing" : all));
    }
    Handle dataset(H5Dopen2(id, name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset.valid())
        throw DataError(file.where(name), "cannot be opened: " + hdf5::reason(), "the file is damaged or this is a group");
    return dataset;
}

// Names of the real and imaginary members when the type is a complex number.
struct Members {
    std::string real, imaginary;
};

std::optional<Members> complex_members(hid_t type) {
    if (H5Tget_class(type) != H5T_COMPOUND || H5Tget_nmembers(type) != 2) return std::nullopt;
    Members found;
    for (unsigned m = 0; m < 2; ++m) {
        if (H5Tget_member_class(type, m) != H5T_FLOAT) return std::nullopt;
        char* text = H5Tget_member_name(type, m);
        const std::string name = text ? text : "";
        H5free_memory(text);
        if (name == "r" || name == "re" || name == "real") found.real = name;
        if (name == "i" || name == "im" || name == "imag") found.imaginary = name;
    }
    if (found.real.empty() || found.imaginary.empty()) return std::nullopt;
    return found;
}

bool is_number(hid_t type) {
    const H5T_class_t kind = H5Tget_class(type);
    return kind == H5T_FLOAT || kind == H5T_INTEGER || kind == H5T_ENUM;
}

std::string describe(hid_t type) {
    switch (H5Tget_class(type)) {
        case H5T_FLOAT:
            return "real numbers";
        case H5T_INTEGER:
            return "integers";
        case H5T_ENUM:
            return "an enumeration";
        case H5T_STRING:
            return "text";
        case H5T_COMPOUND:
            return complex_members(type) ? "complex numbers" : "a compound type";
        default:
            return "another type";
    }
}

// Sizes of a data set or attribute; the space is open.
Shape shape_of(hid_t space, const std::string& where) {
    if (space < 0) throw DataError(where, "has no readable shape: " + hdf5::reason(), "the file is damaged");
    if (H5Sget_simple_extent_type(space) == H5S_NULL) throw DataError(where, "is empty", "write it again with values");
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > Shape::max_rank)
        throw DataError(where, fmt::format("has {} axes", rank), fmt::format("at most {} are supported", Shape::max_rank));
    std::array<hsize_t, Shape::max_rank> sizes{};
    if (rank > 0 && H5Sget_simple_extent_dims(space, sizes.data(), nullptr) != rank)
        throw DataError(where, "has no readable shape: " + hdf5::reason(), "the file is damaged");
    Shape shape;
    for (int axis = 0; axis < rank; ++axis) shape.append(static_cast<std::int64_t>(sizes[static_cast<std::size_t>(axis)]));
    return shape;
}

// Reads the one text behind `source`, a data set or an attribute, with `read` (H5Dread or H5Aread reduced to type and buffer).
template <class Read, class Reclaim>
std::string read_text(hid_t type, hid_t space, const std::string& where, Read read, Reclaim reclaim) {
    if (H5Tget_class(type) != H5T_STRING) throw DataError(where, "holds " + describe(type) + ", not text", "");
    if (shape_of(space, where).elements() != 1) throw DataError(where, "holds more or less than one text", "");
    std::string text;
    if (H5Tis_variable_str(type) > 0) {
        Handle memory(H5Tcopy(type), H5Tclose);
        char* value = nullptr;
        if (read(memory, &value) < 0) throw DataError(where, "cannot be read: " + hdf5::reason(), "the file is damaged");
        if (value) text = value;
        reclaim(memory, &value);
        return text;
    }
    const std::size_t size = H5Tget_size(type);
    if (size == 0 || size > longest_text)
        throw DataError(where, fmt::format("claims a text of {} bytes", size), "the file is damaged");
    text.resize(size);
    if (read(type, text.data()) < 0) throw DataError(where, "cannot be read: " + hdf5::reason(), "the file is damaged");
    const H5T_str_t padding = H5Tget_strpad(type);
    if (padding == H5T_STR_NULLTERM) return text.substr(0, text.find('\0'));
    const std::size_t last = text.find_last_not_of(padding == H5T_STR_SPACEPAD ? ' ' : '\0');
    return text.substr(0, last == std::string::npos ? 0 : last + 1);
}

std::string attribute_place(const Hdf5File& file, const std::string& object, const std::string& name) {
    return fmt::format("{}, attribute '{}'{}", file.path().string(), name, object == "/" ? "" : " of '" + object + "'");
}

Handle open_attribute(const Hdf5File& file, hid_t id, const std::string& object, const std::string& name) {
    const std::string where = attribute_place(file, object, name);
    if (!file.has_attribute(object, name)) throw DataError(where, "is not in the file", "");
    Handle attribute(H5Aopen_by_name(id, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    if (!attribute.valid()) throw DataError(where, "cannot be opened: " + hdf5::reason(), "the file is damaged");
    return attribute;
}

herr_t collect_name(hid_t, const char* name, const H5A_info_t*, void* names) {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
}

}  // namespace

Hdf5File::Hdf5File(fs::path path) : path_(std::move(path)) {
    Lock lock;
    require_readable_file(path_);
    Handle access = reading_access();
    const auto open = [&] { file_ = H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access); };
    hdf5::require_survivable(path_, [&] {
        open();
        if (file_ >= 0) hdf5::read_everything(*this);
    });
    open();
    if (file_ >= 0) return;
    const std::string why = hdf5::reason();
    const bool cut = why.find("truncated") != std::string::npos;
    throw DataError(path_.string(), fmt::format("is {}: {}", cut ? "truncated" : "damaged or truncated", why),
                    "copy the file again");
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

Hdf5File& Hdf5File::operator=(Hdf5File&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(file_, other.file_);
    return *this;
}

Hdf5File::~Hdf5File() { close(); }

void Hdf5File::close() noexcept {
    if (file_ < 0) return;
    Lock lock;
    H5Fclose(std::exchange(file_, -1));
}

std::string Hdf5File::where(const std::string& name) const { return fmt::format("{}, data set '{}'", path_.string(), name); }

bool Hdf5File::exists(const std::string& name) const {
    Lock lock;
    if (name == "/") return true;
    // Every group on the way has to be asked for in turn.
    for (std::size_t end = name.find('/', 1); end != std::string::npos; end = name.find('/', end + 1))
        if (H5Lexists(file_, name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
    return !name.empty() && H5Lexists(file_, name.c_str(), H5P_DEFAULT) > 0 &&
           H5Oexists_by_name(file_, name.c_str(), H5P_DEFAULT) > 0;
}

bool Hdf5File::is_dataset(const std::string& name) const {
    Lock lock;
    if (!exists(name)) return false;
    Handle object(H5Oopen(file_, name.c_str(), H5P_DEFAULT), H5Oclose);
    return object.valid() && H5Iget_type(object) == H5I_DATASET;
}

bool Hdf5File::is_complex(const std::string& name) const {
    Lock lock;
    Handle dataset = open_dataset(*this, file_, name);
    Handle type(H5Dget_type(dataset), H5Tclose);
    return type.valid() && complex_members(type).has_value();
}

bool Hdf5File::is_text(const std::string& name) const {
    Lock lock;
    Handle dataset = open_dataset(*this, file_, name);
    Handle type(H5Dget_type(dataset), H5Tclose);
    return type.valid() && H5Tget_class(type) == H5T_STRING;
}

Shape Hdf5File::shape(const std::string& name) const {
    Lock lock;
    Handle dataset = open_dataset(*this, file_, name);
    Handle space(H5Dget_space(dataset), H5Sclose);
    return shape_of(space, where(name));
}

std::vector<std::string> Hdf5File::list(const std::string& group) const {
    Lock lock;
    Handle opened(H5Gopen2(file_, group.c_str(), H5P_DEFAULT), H5Gclose);
    H5G_info_t info{};
    const std::string place = fmt::format("{}, group '{}'", path_.string(), group);
    if (!opened.valid() || H5Gget_info(opened, &info) < 0)
        throw DataError(place, "cannot be opened: " + hdf5::reason(), "check the name");
    std::vector<std::string> names;
    for (hsize_t i = 0; i < info.nlinks; ++i) {
        const ssize_t length = H5Lget_name_by_idx(opened, ".", H5_INDEX_NAME, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT);
        if (length < 0) throw DataError(place, "cannot be listed: " + hdf5::reason(), "the file is damaged");
        std::string name(static_cast<std::size_t>(length), '\0');
        H5Lget_name_by_idx(opened, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size() + 1, H5P_DEFAULT);
        names.push_back(std::move(name));
    }
    return names;
}

Shape Hdf5File::shape_as(const std::string& name, Hdf5Type wanted, Pairs pairs) const {
    Lock lock;
    Handle dataset = open_dataset(*this, file_, name);
    Handle type(H5Dget_type(dataset), H5Tclose);
    Handle space(H5Dget_space(dataset), H5Sclose);
    if (!type.valid()) throw DataError(where(name), "has no readable type: " + hdf5::reason(), "the file is damaged");
    Shape stored = shape_of(space, where(name));
    if (!hdf5::is_complex(wanted)) {
        if (!is_number(type)) throw DataError(where(name), "holds " + describe(type) + " where real numbers are needed", "");
        return stored;
    }
    if (complex_members(type)) return stored;
    if (!is_number(type) || pairs == Pairs::refuse)
        throw DataError(where(name), "holds " + describe(type) + " where complex numbers are needed",
                        "store a compound of r and i, as h5py does for complex64");
    if (stored.rank() < 1 || stored[-1] != 2)
        throw DataError(where(name), "has shape " + stored.str(),
                        "pairs of real and imaginary part need a last axis of length 2");
    Shape shape;
    for (int axis = 0; axis + 1 < stored.rank(); ++axis) shape.append(stored[axis]);
    return shape;
}

void Hdf5File::require_plausible(const std::string& name, const Shape& part, std::size_t element) const {
    const std::size_t bytes = checked_bytes(where(name), part, element);
    if (bytes <= always_plausible) return;
    Lock lock;
    Handle dataset = open_dataset(*this, file_, name);
    const hsize_t stored = H5Dget_storage_size(dataset);
    if (bytes / most_compressed > stored)
        throw DataError(where(name), fmt::format("claims shape {} but stores only {} bytes", part.str(), stored),
                        "the file is damaged or was not written to its end");
}

void Hdf5File::require_range(const std::string& name, const Shape& shape, const Range& range) const {
    const auto [axis, first, count] = range;
    if (shape.rank() <= axis || first < 0 || count < 0 || count > shape[axis] || first > shape[axis] - count)
        throw DataError(where(name),
                        fmt::format("{} entries from {} of axis {} are outside shape {}", count, first, axis, shape.str()),
                        "ask for entries it has");
}

bool Hdf5File::in_one_piece(const std::string& name) const {
    Lock lock;
    Handle dataset = open_dataset(*this, file_, name);
    Handle creation(H5Dget_create_plist(dataset), H5Pclose);
    return creation.valid() && H5Pget_layout(creation) == H5D_CONTIGUOUS;
}

void Hdf5File::read_into(const std::string& name, Hdf5Type wanted, const std::vector<Range>& ranges, Pairs pairs,
                         void* out) const {
    Lock lock;
    Handle dataset = open_dataset(*this, file_, name);
    Handle type(H5Dget_type(dataset), H5Tclose);
    Handle space(H5Dget_space(dataset), H5Sclose);
    Shape part = shape_of(space, where(name));
    for (const Range& range : ranges) part[range.axis] = range.count;
    if (part.elements() == 0) return;

    const std::optional<Members> members = complex_members(type);
    const bool as_pairs = hdf5::is_complex(wanted) && !members && pairs == Pairs::accept;
    const Hdf5Type stored = !as_pairs ? wanted : wanted == Hdf5Type::c64 ? Hdf5Type::f32 : Hdf5Type::f64;
    Handle memory = members ? hdf5::memory_type(stored, members->real, members->imaginary) : hdf5::memory_type(stored);

    std::array<hsize_t, Shape::max_rank> start{}, count{};
    for (int axis = 0; axis < part.rank(); ++axis) count[static_cast<std::size_t>(axis)] = static_cast<hsize_t>(part[axis]);
    for (const Range& range : ranges) start[static_cast<std::size_t>(range.axis)] = static_cast<hsize_t>(range.first);
    Handle target(part.rank() ? H5Screate_simple(part.rank(), count.data(), nullptr) : H5Screate(H5S_SCALAR), H5Sclose);
    const bool selected =
        part.rank() == 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) >= 0;
    if (!selected || H5Dread(dataset, memory, target, space, H5P_DEFAULT, out) < 0)
        throw DataError(where(name), "cannot be read: " + hdf5::reason(), "the file is damaged; copy or write it again");
}

std::string Hdf5File::read_string(const std::string& name) const {
    Lock lock;
    Handle dataset = open_dataset(*this, file_, name);
    Handle type(H5Dget_type(dataset), H5Tclose);
    Handle space(H5Dget_space(dataset), H5Sclose);
    return read_text(
        type, space, where(name), [&](hid_t as, void* out) { return H5Dread(dataset, as, H5S_ALL, H5S_ALL, H5P_DEFAULT, out); },
        [&](hid_t as, void* out) { H5Dvlen_reclaim(as, space, H5P_DEFAULT, out); });
}

std::vector<std::string> Hdf5File::attributes(const std::string& object) const {
    Lock lock;
    std::vector<std::string> names;
    hsize_t index = 0;
    if (H5Aiterate_by_name(file_, object.c_str(), H5_INDEX_NAME, H5_ITER_INC, &index, collect_name, &names, H5P_DEFAULT) < 0)
        throw DataError(where(object), "attributes cannot be listed: " + hdf5::reason(), "check the name");
    return names;
}

bool Hdf5File::has_attribute(const std::string& object, const std::string& name) const {
    Lock lock;
    return exists(object) && H5Aexists_by_name(file_, object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

std::string Hdf5File::string_attribute(const std::string& object, const std::string& name) const {
    Lock lock;
    Handle attribute = open_attribute(*this, file_, object, name);
    Handle type(H5Aget_type(attribute), H5Tclose);
    Handle space(H5Aget_space(attribute), H5Sclose);
    return read_text(
        type, space, attribute_place(*this, object, name), [&](hid_t as, void* out) { return H5Aread(attribute, as, out); },
        [&](hid_t as, void* out) { H5Dvlen_reclaim(as, space, H5P_DEFAULT, out); });
}

double Hdf5File::number_attribute(const std::string& object, const std::string& name) const {
    Lock lock;
    const std::string place = attribute_place(*this, object, name);
    Handle attribute = open_attribute(*this, file_, object, name);
    Handle type(H5Aget_type(attribute), H5Tclose);
    Handle space(H5Aget_space(attribute), H5Sclose);
    if (!is_number(type) || shape_of(space, place).elements() != 1)
        throw DataError(place, "holds " + describe(type) + " where one number is needed", "");
    double value = 0;
    if (H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) < 0)
        throw DataError(place, "cannot be read: " + hdf5::reason(), "the file is damaged");
    return value;
}

std::optional<std::string> Hdf5File::attribute_text(const std::string& object, const std::string& name) const {
    Lock lock;
    Handle attribute = open_attribute(*this, file_, object, name);
    Handle type(H5Aget_type(attribute), H5Tclose);
    Handle space(H5Aget_space(attribute), H5Sclose);
    if (H5Sget_simple_extent_npoints(space) != 1) return std::nullopt;
    if (H5Tget_class(type) == H5T_STRING) return string_attribute(object, name);
    if (is_number(type)) return fmt::format("{}", number_attribute(object, name));
    return std::nullopt;
}

}  // namespace gleam::data
