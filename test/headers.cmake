# Each header compiles alone: one source file per header, which includes it twice and nothing else, built with the tests.
# Not repeated under the sanitizers, which see the same text.
if(GLEAM_SANITIZE)
  return()
endif()

set(header_sources "")
foreach(folder core kernels modules data greedy)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/${folder}/*.hpp")
  foreach(header ${headers})
    string(MAKE_C_IDENTIFIER "${header}" name)
    set(source "${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.cpp")
    file(CONFIGURE OUTPUT "${source}" CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
    list(APPEND header_sources "${source}")
  endforeach()
endforeach()

add_library(gleam_headers OBJECT ${header_sources})
target_compile_options(gleam_headers PRIVATE -O0)
target_link_libraries(gleam_headers PRIVATE gleam_flags fmt::fmt nlohmann_json::nlohmann_json PkgConfig::FFTW PNG::PNG
                      ZLIB::ZLIB OpenMP::OpenMP_CXX gleam_dep::dnnl gleam_dep::eigen gleam_dep::hdf5 gleam_dep::yaml)
