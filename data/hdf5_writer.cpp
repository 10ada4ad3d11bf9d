#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "data/hdf5_driver.hpp"
#include "data/hdf5_handles.hpp"

namespace gleam::data {

using hdf5::Handle;
using hdf5::Lock;

struct Hdf5Writer::State {
    explicit State(const fs::path& target) : file(target) {}
    AtomicFile file;
    hdf5::WriteNote note;
    hid_t id = -1;
};

namespace {

using Sizes = std::array<hsize_t, Shape::max_rank>;

constexpr hsize_t smallest_chunk = 16 << 10, largest_chunk = 64 << 20;  // bytes

Sizes sizes_of(const Shape& shape) {
    Sizes sizes{};
    for (int axis = 0; axis < shape.rank(); ++axis) sizes[static_cast<std::size_t>(axis)] = static_cast<hsize_t>(shape[axis]);
    return sizes;
}

// One entry of the slowest axis; several when they are tiny, a part when it is huge. A single axis is cut into large pieces.
Sizes chunk_of(const Shape& shape, std::size_t element) {
    Sizes chunk = sizes_of(shape);
    const auto rank = static_cast<std::size_t>(shape.rank());
    auto bytes = [&] {
        hsize_t n = element;
        for (std::size_t axis = 0; axis < rank; ++axis) n *= chunk[axis];
        return n;
    };
    if (rank > 1) chunk[0] = 1;
    while (chunk[0] < static_cast<hsize_t>(shape[0]) && 2 * bytes() <= smallest_chunk)
        chunk[0] = std::min(2 * chunk[0], static_cast<hsize_t>(shape[0]));
    for (std::size_t axis = 0; axis < rank; ++axis)
        while (bytes() > largest_chunk && chunk[axis] > 1) chunk[axis] = (chunk[axis] + 1) / 2;
    return chunk;
}

Handle creation_of(const Shape& shape, std::size_t element, const Hdf5Storage& storage) {
    Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    const bool chunked = (storage.gzip > 0 || storage.checksum) && shape.rank() > 0 && shape.elements() > 0;
    if (!chunked) {
        // Every element gets its value from us; what does not is a hole, and holes read as zeros.
        H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
        return creation;
    }
    const Sizes chunk = chunk_of(shape, element);
    H5Pset_chunk(creation, shape.rank(), chunk.data());
    if (storage.gzip > 0) {
        H5Pset_shuffle(creation);
        H5Pset_deflate(creation, static_cast<unsigned>(std::min(storage.gzip, 9)));
    }
    if (storage.checksum) H5Pset_fletcher32(creation);
    return creation;
}

Handle text_type(std::size_t size) {
    Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type, std::max<std::size_t>(size, 1));
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

Handle groups_on_the_way() {
    Handle link(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(link, 1);
    return link;
}

}  // namespace

Hdf5Writer::Hdf5Writer(const fs::path& target) : state_(std::make_unique<State>(target)) {
    Lock lock;
    Handle access = hdf5::writing_access(&state_->note);
    state_->id = H5Fcreate(state_->file.temporary().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
    check_disk();
    if (state_->id < 0) throw DataError(target.string(), "cannot be written: " + hdf5::reason(), "choose another place");
}

Hdf5Writer::~Hdf5Writer() {
    if (state_->id < 0) return;
    Lock lock;
    state_->note.discard = true;
    H5Fclose(state_->id);
}

std::string Hdf5Writer::where(const std::string& name) const {
    return fmt::format("{}, data set '{}'", state_->file.target().string(), name);
}

void Hdf5Writer::check_disk() const {
    if (state_->note.error)
        throw DataError(state_->file.target().string(), std::string("cannot be written: ") + std::strerror(state_->note.error),
                        "free some space or choose another place");
}

void Hdf5Writer::check(bool good, const std::string& name) const {
    check_disk();
    if (!good) throw DataError(where(name), "cannot be written: " + hdf5::reason(), "check the name and the shape");
}

void Hdf5Writer::create_dataset(const std::string& name, Hdf5Type type, const Shape& shape, const Hdf5Storage& storage) {
    Lock lock;
    Handle stored = hdf5::memory_type(type), link = groups_on_the_way();
    const Sizes sizes = sizes_of(shape);
    Handle space(shape.rank() ? H5Screate_simple(shape.rank(), sizes.data(), nullptr) : H5Screate(H5S_SCALAR), H5Sclose);
    Handle creation = creation_of(shape, H5Tget_size(stored), storage);
    Handle dataset(H5Dcreate2(state_->id, name.c_str(), stored, space, link, creation, H5P_DEFAULT), H5Dclose);
    check(dataset.valid(), name);
}

void Hdf5Writer::write_values(const std::string& name, Hdf5Type type, std::int64_t first, std::int64_t count,
                              const void* values) {
    Lock lock;
    Handle memory = hdf5::memory_type(type);
    Handle dataset(H5Dopen2(state_->id, name.c_str(), H5P_DEFAULT), H5Dclose);
    check(dataset.valid(), name);
    Handle space(H5Dget_space(dataset), H5Sclose);
    const int rank = H5Sget_simple_extent_ndims(space);
    Sizes start{}, part{};
    if (H5Sget_simple_extent_dims(space, part.data(), nullptr) != rank) check(false, name);
    if (rank > 0) {
        const auto length = static_cast<std::int64_t>(part[0]);
        if (first < 0 || count < 0 || count > length || first > length - count)
            throw InternalError(where(name), fmt::format("{} entries from {} are outside {}", count, first, length));
        start[0] = static_cast<hsize_t>(first), part[0] = static_cast<hsize_t>(count);
        if (std::find(part.begin(), part.begin() + rank, hsize_t{0}) != part.begin() + rank) return;
        check(H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, part.data(), nullptr) >= 0, name);
    }
    Handle source(rank ? H5Screate_simple(rank, part.data(), nullptr) : H5Screate(H5S_SCALAR), H5Sclose);
    check(H5Dwrite(dataset, memory, source, space, H5P_DEFAULT, values) >= 0, name);
}

void Hdf5Writer::write_string(const std::string& name, std::string_view text, const Hdf5Storage& storage) {
    Lock lock;
    const std::string value(text.empty() ? std::string(1, '\0') : std::string(text));
    Handle type = text_type(value.size()), link = groups_on_the_way();
    // Filters need chunks, chunks need an axis.
    const bool filtered = storage.gzip > 0 || storage.checksum;
    const hsize_t one = 1;
    Handle space(filtered ? H5Screate_simple(1, &one, nullptr) : H5Screate(H5S_SCALAR), H5Sclose);
    Handle creation = creation_of(filtered ? Shape{1} : Shape{}, value.size(), storage);
    Handle dataset(H5Dcreate2(state_->id, name.c_str(), type, space, link, creation, H5P_DEFAULT), H5Dclose);
    check(dataset.valid() && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value.data()) >= 0, name);
}

void Hdf5Writer::create_group(const std::string& name) {
    Lock lock;
    Handle link = groups_on_the_way();
    Handle group(H5Gcreate2(state_->id, name.c_str(), link, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
    check(group.valid(), name);
}

void Hdf5Writer::write_attribute(const std::string& object, const std::string& name, std::int64_t type, const void* value) {
    Lock lock;
    Handle owner(H5Oopen(state_->id, object.c_str(), H5P_DEFAULT), H5Oclose);
    check(owner.valid(), object);
    if (H5Aexists(owner, name.c_str()) > 0) check(H5Adelete(owner, name.c_str()) >= 0, object);
    Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    Handle attribute(H5Acreate2(owner, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    check(attribute.valid() && H5Awrite(attribute, type, value) >= 0, object);
}

void Hdf5Writer::set_attribute(const std::string& object, const std::string& name, std::string_view text) {
    Lock lock;
    const std::string value(text.empty() ? std::string(1, '\0') : std::string(text));
    Handle type = text_type(value.size());
    write_attribute(object, name, type, value.data());
}

void Hdf5Writer::set_attribute(const std::string& object, const std::string& name, double number) {
    Lock lock;
    write_attribute(object, name, H5T_NATIVE_DOUBLE, &number);
}

void Hdf5Writer::set_attribute(const std::string& object, const std::string& name, std::int64_t number) {
    Lock lock;
    write_attribute(object, name, H5T_NATIVE_INT64, &number);
}

void Hdf5Writer::commit() {
    Lock lock;
    if (state_->id < 0) throw InternalError(state_->file.target().string(), "committed twice");
    const bool good = H5Fclose(std::exchange(state_->id, -1)) >= 0;
    check_disk();
    if (!good) throw DataError(state_->file.target().string(), "cannot be written: " + hdf5::reason(), "choose another place");
    state_->file.commit();
}

}  // namespace gleam::data
