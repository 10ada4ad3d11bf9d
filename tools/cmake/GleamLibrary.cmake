# Flags for our own code, in one interface target.
add_library(gleam_flags INTERFACE)
target_compile_features(gleam_flags INTERFACE cxx_std_20)
target_include_directories(gleam_flags INTERFACE "${PROJECT_SOURCE_DIR}" "${CMAKE_BINARY_DIR}/generated")
target_compile_options(gleam_flags INTERFACE -Wall -Wextra $<$<BOOL:${GLEAM_WERROR}>:-Werror>
                                             $<$<BOOL:${GLEAM_NATIVE}>:-march=native>)
if(GLEAM_SANITIZE)
  # g++ sees uninitialised variables where the sanitizers' own code is.
  target_compile_options(gleam_flags INTERFACE -fsanitize=${GLEAM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
                                               -Wno-maybe-uninitialized)
  target_link_options(gleam_flags INTERFACE -fsanitize=${GLEAM_SANITIZE})
endif()

# Objects of all libraries may become part of plug-ins, which export one symbol.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)

# gleam_library(NAME SOURCES … LINK …): a static library gleam_NAME that others link as gleam::NAME.
function(gleam_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE" ${ARGN})
  add_library(gleam_${name} STATIC ${ARG_SOURCES})
  add_library(gleam::${name} ALIAS gleam_${name})
  target_link_libraries(gleam_${name} PUBLIC gleam_flags ${ARG_LINK} PRIVATE ${ARG_PRIVATE})
endfunction()

# gleam_plugin(NAME SOURCES … LINK …): libgleam_NAME.so beside the programs (kernels/plugin.hpp), which exports its entry alone.
function(gleam_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(gleam_plugin_${name} MODULE ${ARG_SOURCES})
  set_target_properties(gleam_plugin_${name} PROPERTIES OUTPUT_NAME gleam_${name}
                        LIBRARY_OUTPUT_DIRECTORY "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  target_link_libraries(gleam_plugin_${name} PRIVATE ${ARG_LINK})
  target_link_options(gleam_plugin_${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,--as-needed)
endfunction()
