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

# gleam_library(NAME SOURCES … LINK …): a static library gleam_NAME that others link as gleam::NAME.
function(gleam_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE" ${ARGN})
  add_library(gleam_${name} STATIC ${ARG_SOURCES})
  add_library(gleam::${name} ALIAS gleam_${name})
  target_link_libraries(gleam_${name} PUBLIC gleam_flags ${ARG_LINK} PRIVATE ${ARG_PRIVATE})
endfunction()
