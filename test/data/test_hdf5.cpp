#include <hdf5.h>

#include <thread>

#include "core/philox.hpp"
#include "data/hdf5.hpp"
#include "test/support/catch.hpp"
#include "test/support/temporary.hpp"

using namespace gleam;
using namespace gleam::data;
using gleam::test::FileSizeLimit;
using gleam::test::TemporaryDirectory;
using Complex = std::complex<float>;

namespace {

const fs::path fixtures = fs::path(GLEAM_SOURCE_DIR) / "test" / "data" / "fixtures";

template <class T>
Array<T> counting(const Shape& shape) {
    Array<T> array(shape);
    for (std::int64_t i = 0; i < array.elements(); ++i) array[i] = static_cast<T>(static_cast<float>(i) * 0.5F);
    return array;
}

void check_refused(const fs::path& path, const std::string& text) {
    CHECK_THROWS_AS(Hdf5File(path), DataError);
    CHECK_THROWS_WITH(Hdf5File(path), ContainsSubstring(path.string()) && ContainsSubstring(text));
}

void read_everything(const fs::path& path) {
    const Hdf5File file(path);
    for (const std::string& name : file.list()) {
        if (!file.is_dataset(name)) continue;
        if (name == "ismrmrd_header" || name == "text")
            file.read_string(name);
        else if (file.is_complex(name))
            file.read<Complex>(name);
        else
            file.read<float>(name);
    }
    for (const std::string& name : file.attributes()) file.attribute_text("/", name);
}

}  // namespace

TEST_CASE("HDF5 data sets of every type come back as they were written") {
    TemporaryDirectory dir;
    const auto real = counting<float>({3, 4});
    const auto wide = counting<double>({5});
    const auto complex = counting<Complex>({2, 3, 4});
    const auto wide_complex = counting<std::complex<double>>({2, 2});
    const auto numbers = counting<std::int64_t>({7});
    for (const Hdf5Storage storage : {Hdf5Storage{}, Hdf5Storage{4, false}, Hdf5Storage{0, true}, Hdf5Storage{9, true}}) {
        Hdf5Writer writer(dir / "a.h5");
        writer.write("real", real, storage);
        writer.write("group/inner/wide", wide, storage);
        writer.write("complex", complex, storage);
        writer.write("wide_complex", wide_complex, storage);
        writer.write("numbers", numbers, storage);
        writer.write("empty", Array<float>(Shape{0, 3}), storage);
        writer.write_string("text", "a text\nwith lines", storage);
        writer.write_string("no_text", "", storage);
        const float pi = 3.25F;
        writer.write("scalar", Shape{}, &pi, storage);
        CHECK(!fs::exists(dir / "a.h5"));
        writer.commit();

        const Hdf5File file(dir / "a.h5");
        CHECK(file.list() == std::vector<std::string>{"complex", "empty", "group", "no_text", "numbers", "real", "scalar", "text",
                                                      "wide_complex"});
        CHECK(file.list("/group/inner") == std::vector<std::string>{"wide"});
        CHECK(file.shape("complex") == Shape{2, 3, 4});
        CHECK(file.is_complex("complex"));
        CHECK(!file.is_complex("real"));
        CHECK(file.read<float>("real").values == real.values);
        CHECK(file.read<double>("group/inner/wide").values == wide.values);
        CHECK(file.read<float>("group/inner/wide")[3] == 1.5F);
        CHECK(file.read<Complex>("complex").values == complex.values);
        CHECK(file.read<std::complex<double>>("wide_complex").values == wide_complex.values);
        CHECK(file.read<Complex>("wide_complex")[1] == Complex(0.5F, 0));
        CHECK(file.read<std::int64_t>("numbers").values == numbers.values);
        CHECK(file.read<float>("empty").shape == Shape{0, 3});
        CHECK(file.read<float>("scalar").shape.rank() == 0);
        CHECK(file.read<float>("scalar")[0] == 3.25F);
        CHECK(file.read_string("text") == "a text\nwith lines");
        CHECK(file.read_string("no_text").empty());
        CHECK(file.exists("group/inner"));
        CHECK(!file.is_dataset("group/inner"));
        CHECK(!file.exists("group/absent/wide"));
        fs::remove(dir / "a.h5");
    }
    CHECK(dir.entries() == 0);
}

TEST_CASE("HDF5 entries of the slowest axis can be written and read one by one") {
    TemporaryDirectory dir;
    const auto all = counting<Complex>({5, 2, 3});
    for (int gzip : {0, 3}) {
        Hdf5Writer writer(dir / "slabs.h5");
        writer.create<Complex>("a", all.shape, {gzip, false});
        for (std::int64_t i : {4, 0, 1, 3}) writer.write_slab("a", i, 1, all.slice(i));
        CHECK_THROWS_AS(writer.write_slab("a", 5, 1, all.data()), InternalError);
        CHECK_THROWS_AS(writer.write_slab("a", 3, 3, all.data()), InternalError);
        writer.commit();

        const Hdf5File file(dir / "slabs.h5");
        const auto part = file.read<Complex>("a", 3, 2);
        CHECK(part.shape == Shape{2, 2, 3});
        CHECK(std::equal(part.values.begin(), part.values.end(), all.values.begin() + 18));
        CHECK(file.read<Complex>("a", 2, 1)[0] == Complex(0));  // never written
        CHECK(file.read<Complex>("a", 5, 0).empty());
        CHECK_THROWS_WITH(file.read<Complex>("a", 4, 2),
                          ContainsSubstring("'a'") && ContainsSubstring("outside shape [5, 2, 3]"));
        CHECK_THROWS_AS(file.read<Complex>("a", -1, 1), DataError);

        CHECK(file.in_one_piece("a") == (gzip == 0));
        const auto row = file.read_part<Complex>("a", 3, 2, 1, 2);
        CHECK(row.shape == Shape{1, 2, 2});
        CHECK(row.values == std::vector<Complex>{all[19], all[20], all[22], all[23]});
        CHECK(file.read_part<Complex>("a", 4, 1, 1, 1).values == std::vector<Complex>(all.values.end() - 3, all.values.end()));
        CHECK_THROWS_WITH(file.read_part<Complex>("a", 5, 1, 0, 1), ContainsSubstring("1 entries from 5 of axis 0"));
        CHECK_THROWS_WITH(file.read_part<Complex>("a", 0, 2, 2, 2), ContainsSubstring("2 entries from 2 of axis 2"));
        CHECK_THROWS_AS(file.read_part<Complex>("a", 0, 3, 0, 1), DataError);
        CHECK_THROWS_AS(file.read<Complex>("a", INT64_MAX, INT64_MAX), DataError);
    }
}

TEST_CASE("HDF5 attributes keep texts and numbers") {
    TemporaryDirectory dir;
    Hdf5Writer writer(dir / "a.h5");
    writer.write("values", counting<float>({2}));
    writer.set_attribute("/", "program", "gleam");
    writer.set_attribute("/", "program", "gleam 1");  // replaces
    writer.set_attribute("/", "factor", 2.5);
    writer.set_attribute("/", "seed", std::int64_t{1} << 40);
    writer.set_attribute("values", "unit", "mm");
    writer.commit();

    const Hdf5File file(dir / "a.h5");
    CHECK(file.attributes() == std::vector<std::string>{"factor", "program", "seed"});
    CHECK(file.string_attribute("/", "program") == "gleam 1");
    CHECK(file.number_attribute("/", "factor") == 2.5);
    CHECK(file.number_attribute("/", "seed") == 1099511627776.0);
    CHECK(file.attribute_text("/", "factor") == "2.5");
    CHECK(file.string_attribute("values", "unit") == "mm");
    CHECK(!file.has_attribute("/", "unit"));
    CHECK_THROWS_WITH(file.string_attribute("/", "unit"), ContainsSubstring("attribute 'unit'"));
    CHECK_THROWS_WITH(file.number_attribute("/", "program"), ContainsSubstring("text"));
    CHECK_THROWS_WITH(file.string_attribute("/", "factor"), ContainsSubstring("real numbers"));
}

TEST_CASE("Files of h5py are read, whatever numbers they hold") {
    const Hdf5File file(fixtures / "h5py_types.h5");
    CHECK(file.read<std::complex<double>>("c128")[1] == std::complex<double>(3, -4));
    CHECK(file.read<Complex>("c128")[0] == Complex(1, 2));
    CHECK(file.read<float>("f64").values == std::vector<float>{0.25F, -1000});
    CHECK(file.read<double>("half").values == std::vector<double>{0.5, 2});
    CHECK(file.read<float>("i16_big").values == std::vector<float>{1, -2, 300});
    CHECK(file.read<std::int64_t>("i16_big").values == std::vector<std::int64_t>{1, -2, 300});
    CHECK(file.read<float>("u8").values == std::vector<float>{0, 255});
    CHECK(file.read<float>("groups/inner/scalar")[0] == 7);
    CHECK(file.read<float>("no_rows").empty());
    CHECK(file.read_string("text") == "variable text");
    CHECK(file.string_attribute("/", "note") == "variable note");
    CHECK(file.is_complex("c128"));

    const auto pairs = file.read<Complex>("pairs", Pairs::accept);
    CHECK(pairs.shape == Shape{2});
    CHECK(pairs[1] == Complex(3, 4));
    CHECK(file.read<Complex>("pairs", 1, 1, Pairs::accept)[0] == Complex(3, 4));

    const Hdf5File chunked(fixtures / "h5py_chunked.h5");
    CHECK(chunked.shape("kspace") == Shape{2, 2, 6, 5});
    CHECK(chunked.read<Complex>("kspace", 1, 1)[0] == Complex(60, 30));
    CHECK(chunked.read<float>("mask").values == std::vector<float>{1, 0, 1, 1, 0});
    CHECK(chunked.number_attribute("/", "max") == 1.5);
    CHECK(!chunked.attribute_text("/", "axes").has_value());
}

TEST_CASE("HDF5 data of another kind than asked for are refused with their names") {
    const Hdf5File file(fixtures / "h5py_types.h5");
    CHECK_THROWS_WITH(file.read<Complex>("f64"),
                      ContainsSubstring("h5py_types.h5, data set 'f64'") && ContainsSubstring("complex"));
    CHECK_THROWS_WITH(file.read<Complex>("pairs"), ContainsSubstring("'pairs'"));
    CHECK_THROWS_WITH(file.read<Complex>("i16_big", Pairs::accept), ContainsSubstring("last axis of length 2"));
    CHECK_THROWS_WITH(file.read<float>("c128"), ContainsSubstring("holds complex numbers where real"));
    CHECK_THROWS_WITH(file.read<float>("triple"), ContainsSubstring("compound"));
    CHECK_THROWS_WITH(file.read<Complex>("triple"), ContainsSubstring("compound"));
    CHECK_THROWS_WITH(file.read<float>("text"), ContainsSubstring("holds text"));
    CHECK_THROWS_WITH(file.read_string("f64"), ContainsSubstring("not text"));
    CHECK_THROWS_WITH(file.read_string("texts"), ContainsSubstring("one text"));
    CHECK_THROWS_WITH(file.read<float>("nothing"), ContainsSubstring("is empty"));
    CHECK_THROWS_WITH(file.read<float>("nine"), ContainsSubstring("9 axes"));
    CHECK_THROWS_WITH(file.read<float>("absent"), ContainsSubstring("'absent'") && ContainsSubstring("it holds: c128, "));
    CHECK_THROWS_AS(file.read<float>("dangling"), DataError);
    CHECK_THROWS_AS(file.read<float>("groups"), DataError);
    CHECK_THROWS_AS(file.read<float>(""), DataError);
    CHECK_THROWS_AS(file.list("f64"), DataError);
}

TEST_CASE("A file that is not a whole HDF5 file is refused with its name") {
    TemporaryDirectory dir;
    check_refused(dir / "absent.h5", "does not exist");
    check_refused(dir.path(), "is a directory");
    test::write_bytes(dir / "empty.h5", "");
    check_refused(dir / "empty.h5", "is empty");
    test::write_bytes(dir / "text.h5", std::string(3000, 'x'));
    check_refused(dir / "text.h5", "is not an HDF5 file");
    test::write_bytes(dir / "short.h5", "\x89HDF");
    check_refused(dir / "short.h5", "is not an HDF5 file");

    const std::string bytes = read_file(fixtures / "h5py_chunked.h5");
    test::write_bytes(dir / "cut.h5", bytes.substr(0, bytes.size() - 1));
    check_refused(dir / "cut.h5", "is truncated");
    test::write_bytes(dir / "signature.h5", bytes.substr(0, 8));
    check_refused(dir / "signature.h5", "truncated");
    Hdf5Writer writer(dir / "own.h5");
    writer.write("a", counting<float>({100}));
    writer.commit();
    const std::string own = read_file(dir / "own.h5");
    test::write_bytes(dir / "own-cut.h5", own.substr(0, own.size() / 2));
    check_refused(dir / "own-cut.h5", "is truncated");
}

TEST_CASE("A damaged HDF5 file is read or refused, never more") {
    TemporaryDirectory dir;
    Hdf5Writer writer(dir / "own.h5");
    writer.write("complex", counting<Complex>({4, 8, 8}), {3, true});
    writer.write("plain", counting<float>({3, 5}));
    writer.write_string("text", "configuration");
    writer.set_attribute("/", "program", "gleam");
    writer.commit();
    for (const fs::path& good : {dir / "own.h5", fixtures / "h5py_chunked.h5", fixtures / "h5py_types.h5"}) {
        const test::Damage damage = test::survives_damage(good, dir / "victim.h5", 30, 60, read_everything);
        CHECK(damage.refused >= 30);  // every cut at least
    }
}

TEST_CASE("Damage that crashes the HDF5 library itself is refused with the file's name") {
    TemporaryDirectory dir;
    // The length of the text in the file's heap, which the library believes.
    std::string bytes = read_file(fixtures / "h5py_types.h5");
    const std::size_t text = bytes.find("variable text");
    REQUIRE(text != std::string::npos);
    bytes.replace(text - 8, 8, std::string("\x0d\0\0\0\0\xff\0\0", 8));
    test::write_bytes(dir / "heap.h5", bytes);
    CHECK_THROWS_AS(Hdf5File(dir / "heap.h5"), DataError);
    CHECK_THROWS_WITH(Hdf5File(dir / "heap.h5"), ContainsSubstring("heap.h5: is damaged") && ContainsSubstring("again"));
    CHECK(Hdf5File(fixtures / "h5py_types.h5").read_string("text") == "variable text");
}

TEST_CASE("Opening an HDF5 file thousands of times leaves nothing open") {
    TemporaryDirectory dir;
    Hdf5Writer writer(dir / "a.h5");
    writer.write("values", counting<float>({4}));
    writer.commit();
    for (int i = 0; i < 2000; ++i) REQUIRE(Hdf5File(dir / "a.h5").shape("values") == Shape{4});
    CHECK(std::distance(fs::directory_iterator("/proc/self/fd"), {}) < 100);
    CHECK(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) == 0);
}

TEST_CASE("Checksums find a flipped byte in HDF5 values and structures") {
    TemporaryDirectory dir;
    const auto values = counting<float>({8, 64});
    Hdf5Writer writer(dir / "a.h5");
    writer.write("values", values, {0, true});
    writer.write_string("text", std::string(500, 't'), {0, true});
    writer.commit();
    const std::string bytes = read_file(dir / "a.h5");
    int silent = 0;
    for (std::size_t at = 0; at < bytes.size(); at += 19) {
        std::string damaged = bytes;
        damaged[at] ^= 0x10;
        test::write_bytes(dir / "b.h5", damaged);
        try {
            const Hdf5File file(dir / "b.h5");
            if (file.read<float>("values").values != values.values || file.read_string("text") != std::string(500, 't')) ++silent;
        } catch (const DataError&) {
        }
    }
    CHECK(silent == 0);
}

TEST_CASE("An HDF5 data set of absurd size is refused before memory is asked for") {
    TemporaryDirectory dir;
    Hdf5Writer writer(dir / "huge.h5");
    writer.create<Complex>("huge", Shape{1 << 20, 1 << 20, 1 << 10}, {1, false});
    writer.create<Complex>("slices", Shape{1 << 20, 4, 4}, {1, false});
    writer.commit();
    const Hdf5File file(dir / "huge.h5");
    CHECK_THROWS_WITH(file.read<Complex>("huge"), ContainsSubstring("'huge'") && ContainsSubstring("memory"));
    CHECK_THROWS_AS(file.read<std::complex<double>>("huge", 0, 1 << 19), DataError);
    CHECK_THROWS_WITH(file.read<Complex>("slices"),
                      ContainsSubstring("'slices': claims shape [1048576, 4, 4] but stores only 0 bytes"));
    CHECK(file.read<Complex>("slices", 1 << 19, 2).elements() == 32);
}

TEST_CASE("An HDF5 file that is not committed leaves nothing and keeps the old one") {
    TemporaryDirectory dir;
    {
        Hdf5Writer writer(dir / "a.h5");
        writer.write("values", counting<float>({4}));
        writer.commit();
    }
    {
        Hdf5Writer writer(dir / "a.h5");
        writer.write("values", counting<float>({1 << 16}));
        CHECK_THROWS_AS(writer.write("values", counting<float>({4})), DataError);  // the name is taken
        CHECK_THROWS_AS(writer.set_attribute("absent", "a", 1.0), DataError);
    }
    CHECK(dir.entries() == 1);
    CHECK(Hdf5File(dir / "a.h5").shape("values") == Shape{4});
}

TEST_CASE("HDF5 files cannot be written where there is no directory") {
    TemporaryDirectory dir;
    test::write_bytes(dir / "file", "x");
    CHECK_THROWS_WITH(Hdf5Writer(dir / "file/a.h5"), ContainsSubstring("file/a.h5: cannot be written"));
    CHECK_THROWS_AS(Hdf5Writer(dir / "absent/a.h5"), DataError);
    CHECK_THROWS_AS(Hdf5Writer(dir.path()), DataError);
}

TEST_CASE("A full disk while writing HDF5 is an error, and nothing is left behind") {
    TemporaryDirectory dir;
    auto values = counting<float>({64, 1024});
    Philox random(1, Purpose::test);
    for (float& value : values.values) value = static_cast<float>(random.uniform());  // hardly compressible
    for (const Hdf5Storage storage : {Hdf5Storage{}, Hdf5Storage{1, true}}) {
        for (rlim_t limit : {0, 1, 100, 1000, 2048, 5000, 40000}) {
            const FileSizeLimit full(limit);
            auto attempt = [&] {
                Hdf5Writer writer(dir / "a.h5");
                writer.create<float>("group/values", values.shape, storage);
                for (std::int64_t i = 0; i < 64; ++i) writer.write_slab("group/values", i, 1, values.slice(i));
                writer.set_attribute("/", "program", "gleam");
                writer.commit();
            };
            CHECK_THROWS_AS(attempt(), DataError);
            CHECK_THROWS_WITH(attempt(), ContainsSubstring("a.h5: cannot be written: File too large"));
        }
        CHECK(dir.entries() == 0);
    }
    // The library still works afterwards.
    Hdf5Writer writer(dir / "a.h5");
    writer.write("values", values);
    writer.commit();
    CHECK(Hdf5File(dir / "a.h5").read<float>("values").values == values.values);
}

TEST_CASE("HDF5 files can be read by several threads") {
    const Hdf5File shared(fixtures / "h5py_chunked.h5");
    std::array<int, 4> good{};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < good.size(); ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 50; ++i) {
                const Hdf5File own(fixtures / "h5py_types.h5");
                good[t] += shared.read<Complex>("kspace").elements() == 120 && own.read<float>("u8")[1] == 255;
                try {
                    own.read<float>("absent");
                } catch (const DataError&) {
                    ++good[t];
                }
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(good == std::array<int, 4>{100, 100, 100, 100});
}
