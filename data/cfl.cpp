#include "data/cfl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "data/checks.hpp"

namespace gleam::data {
namespace {

static_assert(std::endian::native == std::endian::little, "values are stored as they are in memory");

constexpr std::size_t most_dims = 64, usual_dims = 16, largest_header = 1 << 20;

fs::path base_of(fs::path path) {
    if (path.extension() == ".cfl" || path.extension() == ".hdr") path.replace_extension();
    return path;
}

fs::path with(const fs::path& base, const char* extension) {
    fs::path path = base;
    path += extension;
    return path;
}

std::uintmax_t size_of_partner(const fs::path& file, const fs::path& partner) {
    std::error_code error;
    const fs::file_status status = fs::status(file, error);
    if (!fs::exists(status))
        throw DataError(file.string(), "does not exist", fmt::format("it and {} belong together", partner.filename().string()));
    if (!fs::is_regular_file(status)) throw DataError(file.string(), "is not a regular file", "check the path");
    return fs::file_size(file);
}

// The numbers on the line after "# Dimensions".
std::vector<std::int64_t> dims_in(const std::string& text, const std::string& where) {
    const std::string remedy = "a header has a line '# Dimensions' and below it positive numbers";
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line))
        if (line.rfind("# Dimensions", 0) == 0) break;
    if (!lines || !std::getline(lines, line)) throw DataError(where, "has no dimensions", remedy);
    std::istringstream numbers(line);
    std::vector<std::int64_t> dims;
    std::int64_t value = 0, product = 1;
    while (numbers >> value) {
        if (value < 1) throw DataError(where, fmt::format("has a dimension of {}", value), remedy);
        if (dims.size() == most_dims) throw DataError(where, fmt::format("has more than {} dimensions", most_dims), remedy);
        if (value > std::numeric_limits<std::int64_t>::max() / 8 / product)
            throw DataError(where, "has dimensions whose product is too large", "the header is damaged");
        product *= value;
        dims.push_back(value);
    }
    if (dims.empty() || !numbers.eof())
        throw DataError(where, "has dimensions that are not numbers: '" + line.substr(0, 80) + "'", remedy);
    return dims;
}

void fill(const AtomicFile& file, std::string_view content) {
    errno = 0;
    std::ofstream out(file.temporary(), std::ios::binary);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    if (!out)
        throw DataError(file.target().string(), std::string("cannot be written: ") + std::strerror(errno),
                        "free some space or choose another place");
}

}  // namespace

std::int64_t CflHeader::elements() const {
    std::int64_t n = 1;
    for (std::int64_t size : dims) n *= size;
    return n;
}

CflHeader read_cfl_header(const fs::path& path) {
    CflHeader header{base_of(path), {}};
    const fs::path text = with(header.base, ".hdr"), values = with(header.base, ".cfl");
    if (size_of_partner(text, values) > largest_header)
        throw DataError(text.string(), "is far too long for a header", "check the path");
    header.dims = dims_in(read_file(text), text.string());
    const std::uintmax_t size = size_of_partner(values, text), expected = static_cast<std::uintmax_t>(header.elements()) * 8;
    if (size != expected)
        throw DataError(values.string(), fmt::format("has {} bytes where its header says {}", size, expected),
                        size < expected ? "it is truncated; copy it again" : "header and values do not belong together");
    return header;
}

ComplexArray read_cfl_elements(const CflHeader& header, std::int64_t first, std::int64_t count) {
    const fs::path path = with(header.base, ".cfl");
    if (first < 0 || count < 0 || count > header.elements() || first > header.elements() - count)
        throw InternalError(path.string(), fmt::format("{} elements from {} are outside the file", count, first));
    ComplexArray array = allocate<std::complex<float>>(path.string(), {count});
    std::ifstream in(path, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(first * 8));
    if (count > 0 && !in.read(reinterpret_cast<char*>(array.data()), static_cast<std::streamsize>(count * 8)))
        throw DataError(path.string(), "ends early or cannot be read", "copy it again");
    return array;
}

ComplexArray read_cfl(const fs::path& path) {
    const CflHeader header = read_cfl_header(path);
    std::size_t rank = header.dims.size();
    while (rank > 1 && header.dims[rank - 1] == 1) --rank;
    if (rank > Shape::max_rank)
        throw DataError(with(header.base, ".hdr").string(), fmt::format("has {} dimensions", rank),
                        fmt::format("at most {} are supported", Shape::max_rank));
    Shape shape;
    for (std::size_t i = rank; i-- > 0;) shape.append(header.dims[i]);
    ComplexArray array = read_cfl_elements(header, 0, header.elements());
    array.shape = shape;
    return array;
}

void write_cfl(const fs::path& path, const ComplexArray& array) {
    const fs::path base = base_of(path);
    if (array.elements() == 0) throw DataError(base.string(), "cannot be written: the array is empty", "");
    std::string text = "# Dimensions\n";
    for (std::size_t i = 0; i < usual_dims; ++i) {
        const int axis = array.shape.rank() - 1 - static_cast<int>(i);
        text += fmt::format("{} ", axis >= 0 ? array.shape[axis] : 1);
    }
    // Both are on the disk before either gets its name.
    AtomicFile values(with(base, ".cfl")), header(with(base, ".hdr"));
    fill(values, {reinterpret_cast<const char*>(array.data()), static_cast<std::size_t>(array.elements()) * 8});
    fill(header, text + "\n");
    values.commit();
    header.commit();
}

}  // namespace gleam::data
