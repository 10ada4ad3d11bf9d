# CUDA by hand: nvcc from an ordinary toolkit or from the nvidia-… packages of Python, found the same way. The kernels need its
# compiler and its run-time library, nothing else, so CMake's own CUDA support, which knows no packages of Python and, in 3.25, no
# C++20, is not used.
#   GLEAM_CUDA = AUTO: where nvcc is found; ON: or an error; OFF: not
# Sets GLEAM_NVCC, GLEAM_CUDA_VERSION and GLEAM_CUDA_ROOT; GLEAM_NVCC is empty without CUDA.
set(GLEAM_CUDA AUTO CACHE STRING "Compile the CUDA kernels: AUTO, ON or OFF")
set_property(CACHE GLEAM_CUDA PROPERTY STRINGS AUTO ON OFF)
set(GLEAM_CUDA_ARCHITECTURES "80;90" CACHE STRING "Compute capabilities to compile for; PTX of the last one is kept as well")

set(GLEAM_NVCC "")
if(NOT GLEAM_CUDA STREQUAL "OFF")
  # A package of Python has its programs under site-packages/nvidia/cu13/bin (13.x) or nvidia/cuda_nvcc/bin (12.x).
  file(GLOB python_packages $ENV{VIRTUAL_ENV}/lib/python3*/site-packages/nvidia/*/bin
                            /usr/local/lib/python3*/*-packages/nvidia/*/bin /usr/lib/python3*/*-packages/nvidia/*/bin
                            $ENV{HOME}/.local/lib/python3*/site-packages/nvidia/*/bin)
  find_program(GLEAM_NVCC_PROGRAM nvcc HINTS ${CUDAToolkit_ROOT}/bin $ENV{CUDAToolkit_ROOT}/bin $ENV{CUDA_PATH}/bin
               PATHS /usr/local/cuda/bin ${python_packages})
  mark_as_advanced(GLEAM_NVCC_PROGRAM)
  if(GLEAM_NVCC_PROGRAM)
    execute_process(COMMAND "${GLEAM_NVCC_PROGRAM}" --version OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE failed)
    if(NOT failed AND output MATCHES "release ([0-9]+\\.[0-9]+)")
      set(GLEAM_NVCC "${GLEAM_NVCC_PROGRAM}")
      set(GLEAM_CUDA_VERSION "${CMAKE_MATCH_1}")
      get_filename_component(resolved "${GLEAM_NVCC}" REALPATH)
      get_filename_component(GLEAM_CUDA_ROOT "${resolved}/../.." ABSOLUTE)
    endif()
  endif()
  if(NOT GLEAM_NVCC AND GLEAM_CUDA STREQUAL "ON")
    message(FATAL_ERROR "GLEAM_CUDA is ON, but there is no nvcc. Set CUDAToolkit_ROOT to the folder of the toolkit (the one with "
                        "bin/nvcc; site-packages/nvidia/cu13 with Python's packages), or set GLEAM_CUDA to AUTO or OFF.")
  endif()
endif()
if(GLEAM_NVCC)
  message(STATUS "CUDA kernels: nvcc ${GLEAM_CUDA_VERSION} (${GLEAM_NVCC})")
else()
  message(STATUS "CUDA kernels: not compiled (GLEAM_CUDA is ${GLEAM_CUDA}, no nvcc)")
endif()

# gleam_cuda_objects(VARIABLE SOURCES …): objects of .cu files; beside each object lies what ptxas says of its kernels
# (.ptxas.txt), which a test reads. Names the objects in VARIABLE.
function(gleam_cuda_objects variable)
  set(architectures "")
  foreach(architecture ${GLEAM_CUDA_ARCHITECTURES})
    list(APPEND architectures -gencode arch=compute_${architecture},code=sm_${architecture})
  endforeach()
  list(GET GLEAM_CUDA_ARCHITECTURES -1 newest)
  list(APPEND architectures -gencode arch=compute_${newest},code=compute_${newest})
  set(flags -std=c++20 -O3 --expt-relaxed-constexpr -Xptxas -v -lineinfo -Xcompiler=-fPIC,-fvisibility=hidden
            -I "${PROJECT_SOURCE_DIR}")
  if(GLEAM_WERROR)
    list(APPEND flags --Werror all-warnings)
  endif()
  set(objects "")
  foreach(source ${ARGN})
    get_filename_component(name "${source}" NAME_WE)
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${name}.cu.o")
    add_custom_command(
      OUTPUT "${object}" "${CMAKE_CURRENT_BINARY_DIR}/${name}.ptxas.txt"
      COMMAND "${CMAKE_COMMAND}" "-DNVCC=${GLEAM_NVCC}" "-DHOST_COMPILER=${CMAKE_CXX_COMPILER}" "-DFLAGS=${flags};${architectures}"
              "-DSOURCE=${source}" "-DOBJECT=${object}" "-DREPORT=${CMAKE_CURRENT_BINARY_DIR}/${name}.ptxas.txt"
              -P "${PROJECT_SOURCE_DIR}/tools/cmake/run_nvcc.cmake"
      DEPENDS "${source}" "${PROJECT_SOURCE_DIR}/tools/cmake/run_nvcc.cmake"
      DEPFILE "${object}.d"
      COMMENT "Building CUDA object ${name}.cu.o" VERBATIM)
    list(APPEND objects "${object}")
  endforeach()
  set(${variable} "${objects}" PARENT_SCOPE)
endfunction()
