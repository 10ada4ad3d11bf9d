# Imported targets gleam_dep::… under one name, whatever the distribution calls them.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(PkgConfig REQUIRED)
pkg_check_modules(FFTW REQUIRED IMPORTED_TARGET fftw3 fftw3f)

if(TARGET yaml-cpp::yaml-cpp)
  add_library(gleam_dep::yaml ALIAS yaml-cpp::yaml-cpp)
else()
  add_library(gleam_yaml INTERFACE)
  target_link_libraries(gleam_yaml INTERFACE yaml-cpp)
  add_library(gleam_dep::yaml ALIAS gleam_yaml)
endif()

# Eigen's templates set off warnings that are not ours.
add_library(gleam_eigen INTERFACE)
target_link_libraries(gleam_eigen INTERFACE Eigen3::Eigen)
target_compile_definitions(gleam_eigen INTERFACE EIGEN_DONT_PARALLELIZE)  # results must not depend on the thread count
add_library(gleam_dep::eigen ALIAS gleam_eigen)

add_library(gleam_hdf5 INTERFACE)
target_include_directories(gleam_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS} ${HDF5_INCLUDE_DIRS})
target_link_libraries(gleam_hdf5 INTERFACE ${HDF5_C_LIBRARIES} ${HDF5_LIBRARIES})
add_library(gleam_dep::hdf5 ALIAS gleam_hdf5)

# Not by its package file: Debian's asks for OpenCL, which the CPU engine does not need.
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.hpp REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
add_library(gleam_dnnl INTERFACE)
target_include_directories(gleam_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
target_link_libraries(gleam_dnnl INTERFACE ${DNNL_LIBRARY})
add_library(gleam_dep::dnnl ALIAS gleam_dnnl)
