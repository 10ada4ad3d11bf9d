# CUDA by hand: nvcc and NVIDIA's libraries from an ordinary toolkit or from the nvidia-… packages of Python, found the same way.
# CMake's own CUDA support knows no packages of Python and, in 3.25, no C++20, so it is not used.
#   GLEAM_CUDA = AUTO: where all of it is found; ON: or an error; OFF: not
# Sets GLEAM_NVCC, GLEAM_CUDA_VERSION, GLEAM_CUDA_ROOT and the target gleam_dep::cuda_libraries; GLEAM_NVCC is empty without CUDA.
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
  # cuDNN may stand apart from the toolkit: a package of the distribution, or of Python (nvidia/cudnn). Python's name
  # libcudnn.so.9 and have no libcudnn.so.
  set(libraries "")
  if(GLEAM_NVCC)
    get_filename_component(beside "${GLEAM_CUDA_ROOT}/.." ABSOLUTE)
    foreach(library cudnn:cudnn.h:9 cufft:cufft.h:12 cublas:cublas_v2.h:13 cudart_static:cuda_runtime.h:)
      string(REPLACE ":" ";" library "${library}")
      list(GET library 0 name)
      list(GET library 1 header)
      list(GET library 2 major)
      string(TOUPPER ${name} key)
      set(roots ${CUDNN_ROOT} $ENV{CUDNN_ROOT} "${GLEAM_CUDA_ROOT}" "${beside}/${name}" "${beside}/cu13" /usr)
      find_path(GLEAM_${key}_INCLUDE ${header} PATHS ${roots} PATH_SUFFIXES include include/x86_64-linux-gnu NO_DEFAULT_PATH)
      find_library(GLEAM_${key}_LIBRARY NAMES ${name} lib${name}.so.${major} PATHS ${roots}
                   PATH_SUFFIXES lib64 lib lib/x86_64-linux-gnu NO_DEFAULT_PATH)
      mark_as_advanced(GLEAM_${key}_INCLUDE GLEAM_${key}_LIBRARY)
      if(GLEAM_${key}_INCLUDE AND GLEAM_${key}_LIBRARY)
        list(APPEND libraries "${GLEAM_${key}_LIBRARY}")
        list(APPEND includes "${GLEAM_${key}_INCLUDE}")
      else()
        list(APPEND lacking ${name})
      endif()
    endforeach()
    list(REMOVE_DUPLICATES includes)
  endif()
  if(lacking OR NOT GLEAM_NVCC)
    set(GLEAM_NVCC "")
    list(JOIN lacking ", " lacking)
    if(NOT lacking)
      set(lacking nvcc)
    endif()
  endif()
  if(NOT GLEAM_NVCC AND GLEAM_CUDA STREQUAL "ON")
    message(FATAL_ERROR "GLEAM_CUDA is ON, but there is no ${lacking}. Set CUDAToolkit_ROOT to the folder of the toolkit (the one with "
                        "bin/nvcc; site-packages/nvidia/cu13 with Python's packages) and CUDNN_ROOT to that of cuDNN, or set "
                        "GLEAM_CUDA to AUTO or OFF.")
  endif()
endif()
if(GLEAM_NVCC)
  message(STATUS "CUDA: nvcc ${GLEAM_CUDA_VERSION} (${GLEAM_NVCC})")
  add_library(gleam_cuda_libraries INTERFACE)
  target_include_directories(gleam_cuda_libraries SYSTEM INTERFACE ${includes})
  target_link_libraries(gleam_cuda_libraries INTERFACE ${libraries} dl rt pthread)
  add_library(gleam_dep::cuda_libraries ALIAS gleam_cuda_libraries)
  # NCCL connects several GPUs; without it images go through the hosts' memory.
  set(roots ${NCCL_ROOT} $ENV{NCCL_ROOT} "${GLEAM_CUDA_ROOT}" "${beside}/nccl" "${beside}/cu13" /usr)
  find_path(GLEAM_NCCL_INCLUDE nccl.h PATHS ${roots} PATH_SUFFIXES include include/x86_64-linux-gnu NO_DEFAULT_PATH)
  find_library(GLEAM_NCCL_LIBRARY NAMES nccl libnccl.so.2 PATHS ${roots} PATH_SUFFIXES lib64 lib lib/x86_64-linux-gnu NO_DEFAULT_PATH)
  mark_as_advanced(GLEAM_NCCL_INCLUDE GLEAM_NCCL_LIBRARY)
  if(GLEAM_NCCL_INCLUDE AND GLEAM_NCCL_LIBRARY)
    message(STATUS "NCCL: ${GLEAM_NCCL_LIBRARY}")
    add_library(gleam_nccl_library INTERFACE)
    target_include_directories(gleam_nccl_library SYSTEM INTERFACE "${GLEAM_NCCL_INCLUDE}" "${GLEAM_CUDART_STATIC_INCLUDE}")
    target_link_libraries(gleam_nccl_library INTERFACE "${GLEAM_NCCL_LIBRARY}" "${GLEAM_CUDART_STATIC_LIBRARY}" dl rt pthread)
    add_library(gleam_dep::nccl ALIAS gleam_nccl_library)
  else()
    message(STATUS "NCCL: not there")
  endif()
else()
  set(reason "GLEAM_CUDA is ${GLEAM_CUDA}")
  if(lacking)
    string(APPEND reason ", no ${lacking}")
  endif()
  message(STATUS "CUDA: not compiled (${reason})")
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
