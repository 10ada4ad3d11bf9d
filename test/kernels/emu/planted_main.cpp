// planted_kernels NAME [forward|reverse|shuffled]: runs one planted kernel, so that a test can watch a sanitizer end the program.
#include <cstdio>
#include <exception>

#include "test/kernels/emu/planted_kernels.hpp"

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const std::string order = argc > 2 ? argv[2] : "forward";
    using gleam::emu::ThreadOrder;
    try {
        const auto out = gleam::test::run_planted(argv[1], order == "reverse"    ? ThreadOrder::reverse
                                                           : order == "shuffled" ? ThreadOrder::shuffled
                                                                                 : ThreadOrder::forward);
        std::printf("ran, out[0] = %g\n", static_cast<double>(out[0]));
    } catch (const std::exception& e) {
        std::printf("error: %s\n", e.what());
        return 1;
    }
    return 0;
}
