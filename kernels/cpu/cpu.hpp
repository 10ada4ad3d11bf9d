// The CPU backend: OpenMP loops, FFTW and oneDNN behind the operation interface.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/operations.hpp"

namespace gleam::kernels {

// One instance serves one thread at a time; instances share nothing but FFTW's plans. It runs on as many OpenMP threads as
// omp_get_max_threads() says when it is made. Results do not depend on other instances.
std::unique_ptr<Operations> make_cpu_operations();

// OpenMP threads of the calling thread's later parallel loops; 0 = all cores this process may use. Returns the number chosen.
int set_thread_count(int threads);
int thread_count();

// Names and versions of the libraries behind the CPU backend.
std::vector<std::pair<std::string, std::string>> cpu_libraries();

}  // namespace gleam::kernels
