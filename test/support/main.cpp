// Catch2's main, compiled once for all test programs (version 3 brings its own).
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif

// The HDF5 library forgets some memory whenever it gives up on a damaged file; the leak checker asks here what to overlook.
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5\n"; }
