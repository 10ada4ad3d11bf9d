// HDF5 files: reading what h5py and others write, and writing files that are whole or absent.
//
// Numbers are dense and slowest axis first, as everywhere. Complex numbers are stored as h5py does, a compound of two members {r,
// i}. Every failure is a DataError that names the file and the data set. All calls are serialised, so objects may be used by any
// thread.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/array.hpp"
#include "core/files.hpp"
#include "data/checks.hpp"

namespace gleam::data {

// Version of the HDF5 library, "1.10.8".
std::string hdf5_version();

// Element types in memory. On disk any integer, boolean or floating-point type is converted on reading.
enum class Hdf5Type : std::uint8_t { f32, f64, c64, c128, i64 };

template <class T>
struct Hdf5TypeOf;
template <>
struct Hdf5TypeOf<float> {
    static constexpr Hdf5Type value = Hdf5Type::f32;
};
template <>
struct Hdf5TypeOf<double> {
    static constexpr Hdf5Type value = Hdf5Type::f64;
};
template <>
struct Hdf5TypeOf<std::complex<float>> {
    static constexpr Hdf5Type value = Hdf5Type::c64;
};
template <>
struct Hdf5TypeOf<std::complex<double>> {
    static constexpr Hdf5Type value = Hdf5Type::c128;
};
template <>
struct Hdf5TypeOf<std::int64_t> {
    static constexpr Hdf5Type value = Hdf5Type::i64;
};

// Whether a real data set with a last axis of length two may be read as complex (that axis then disappears from the shape).
enum class Pairs : std::uint8_t { refuse, accept };

class Hdf5File {
public:
    // Opens for reading. DataError: missing, a directory, not HDF5, truncated or damaged. The first opening of a file reads it in
    // a child process, because damage can crash the HDF5 library (files up to 64 MiB per data set wholly, larger ones in part).
    explicit Hdf5File(fs::path path);
    Hdf5File(Hdf5File&& other) noexcept;
    Hdf5File& operator=(Hdf5File&& other) noexcept;
    ~Hdf5File();

    const fs::path& path() const { return path_; }
    // "scan.h5, data set 'kspace'": how errors name a data set.
    std::string where(const std::string& name) const;

    bool exists(const std::string& name) const;  // group or data set; links that lead nowhere do not exist
    bool is_dataset(const std::string& name) const;
    bool is_text(const std::string& name) const;
    bool is_complex(const std::string& name) const;                       // compound of a real and an imaginary part
    Shape shape(const std::string& name) const;                           // as stored; at most eight axes
    std::vector<std::string> list(const std::string& group = "/") const;  // names in the group, sorted

    // The whole data set as T: float, double, std::int64_t, std::complex<float> or std::complex<double>.
    template <class T>
    Array<T> read(const std::string& name, Pairs pairs = Pairs::refuse) const {
        const Shape shape = shape_as(name, Hdf5TypeOf<T>::value, pairs);
        require_plausible(name, shape, sizeof(T));
        Array<T> array = allocate<T>(where(name), shape);
        read_into(name, Hdf5TypeOf<T>::value, {}, pairs, array.data());
        return array;
    }

    // Entries [first, first + count) of the slowest axis.
    template <class T>
    Array<T> read(const std::string& name, std::int64_t first, std::int64_t count, Pairs pairs = Pairs::refuse) const {
        Shape part = shape_as(name, Hdf5TypeOf<T>::value, pairs);
        require_range(name, part, {0, first, count});
        part[0] = count;
        require_plausible(name, part, sizeof(T));
        Array<T> array = allocate<T>(where(name), part);
        read_into(name, Hdf5TypeOf<T>::value, {{0, first, count}}, pairs, array.data());
        return array;
    }

    // Of entry `entry` of the slowest axis: entries [first, first + count) of another one. Where the data set is not in one
    // piece, more is read than asked for.
    template <class T>
    Array<T> read_part(const std::string& name, std::int64_t entry, int axis, std::int64_t first, std::int64_t count) const {
        Shape part = shape_as(name, Hdf5TypeOf<T>::value, Pairs::refuse);
        const std::vector<Range> ranges{{0, entry, 1}, {axis, first, count}};
        for (const Range& range : ranges) {
            require_range(name, part, range);
            part[range.axis] = range.count;
        }
        Array<T> array = allocate<T>(where(name), part);
        read_into(name, Hdf5TypeOf<T>::value, ranges, Pairs::refuse, array.data());
        return array;
    }
    // Neither in chunks nor compressed.
    bool in_one_piece(const std::string& name) const;

    // A text: a scalar or one-element data set of fixed or variable length.
    std::string read_string(const std::string& name) const;

    // Attributes of a group or data set ("/" is the file itself).
    std::vector<std::string> attributes(const std::string& object = "/") const;
    bool has_attribute(const std::string& object, const std::string& name) const;
    std::string string_attribute(const std::string& object, const std::string& name) const;
    double number_attribute(const std::string& object, const std::string& name) const;
    // Text as it is, one number as text; nothing for arrays and other types.
    std::optional<std::string> attribute_text(const std::string& object, const std::string& name) const;

private:
    struct Range {
        int axis;
        std::int64_t first, count;
    };
    Shape shape_as(const std::string& name, Hdf5Type type, Pairs pairs) const;
    void require_plausible(const std::string& name, const Shape& part, std::size_t element) const;
    void require_range(const std::string& name, const Shape& shape, const Range& range) const;
    void read_into(const std::string& name, Hdf5Type type, const std::vector<Range>& ranges, Pairs pairs, void* out) const;
    void close() noexcept;

    fs::path path_;
    std::int64_t file_ = -1;  // hid_t
};

// How a data set is stored. Compression and checksums imply chunks of one entry of the slowest axis (split or joined to a
// sensible size).
struct Hdf5Storage {
    int gzip = 0;           // 0 (none) to 9
    bool checksum = false;  // fletcher32: damage is found on reading
};

class Hdf5Writer {
public:
    // Writes beside `target`; commit() makes it the target. DataError when the directory is absent or unwritable.
    explicit Hdf5Writer(const fs::path& target);
    Hdf5Writer(const Hdf5Writer&) = delete;
    Hdf5Writer& operator=(const Hdf5Writer&) = delete;
    ~Hdf5Writer();  // without commit() nothing remains

    // Groups on the way ("a/b/values") are created. T as for reading.
    template <class T>
    void write(const std::string& name, const Array<T>& array, const Hdf5Storage& storage = {}) {
        write(name, array.shape, array.data(), storage);
    }
    template <class T>
    void write(const std::string& name, const Shape& shape, const T* values, const Hdf5Storage& storage = {}) {
        create_dataset(name, Hdf5TypeOf<T>::value, shape, storage);
        write_values(name, Hdf5TypeOf<T>::value, 0, shape.rank() ? shape[0] : 1, values);
    }
    void write_string(const std::string& name, std::string_view text, const Hdf5Storage& storage = {});

    // For data larger than memory: create the whole, then write entries [first, first + count) of the slowest axis. Unwritten
    // ones are 0.
    template <class T>
    void create(const std::string& name, const Shape& shape, const Hdf5Storage& storage = {}) {
        create_dataset(name, Hdf5TypeOf<T>::value, shape, storage);
    }
    template <class T>
    void write_slab(const std::string& name, std::int64_t first, std::int64_t count, const T* values) {
        write_values(name, Hdf5TypeOf<T>::value, first, count, values);
    }

    // A group of its own, for attributes.
    void create_group(const std::string& name);

    // Attributes of an existing group or data set ("/" is the file itself); an attribute of that name is replaced.
    void set_attribute(const std::string& object, const std::string& name, std::string_view text);
    void set_attribute(const std::string& object, const std::string& name, double number);
    void set_attribute(const std::string& object, const std::string& name, std::int64_t number);
    void set_attribute(const std::string& object, const std::string& name, int number) {
        set_attribute(object, name, static_cast<std::int64_t>(number));
    }

    // Flushes, closes, syncs and renames. DataError (disk full, ...) leaves the old file, if any, as it was.
    void commit();

private:
    struct State;
    void create_dataset(const std::string& name, Hdf5Type type, const Shape& shape, const Hdf5Storage& storage);
    void write_values(const std::string& name, Hdf5Type type, std::int64_t first, std::int64_t count, const void* values);
    void write_attribute(const std::string& object, const std::string& name, std::int64_t type, const void* value);
    std::string where(const std::string& name) const;
    void check_disk() const;
    void check(bool good, const std::string& name) const;

    std::unique_ptr<State> state_;
};

}  // namespace gleam::data
