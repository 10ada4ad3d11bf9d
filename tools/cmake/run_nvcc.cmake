# Compiles SOURCE to OBJECT by NVCC with the list FLAGS. What ptxas says goes to REPORT; anything else is shown.
execute_process(COMMAND "${NVCC}" -ccbin "${HOST_COMPILER}" ${FLAGS} -MD -MF "${OBJECT}.d" -MT "${OBJECT}" -c "${SOURCE}"
                        -o "${OBJECT}"
                RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
file(WRITE "${REPORT}" "${output}")
string(REGEX REPLACE "(ptxas info|    [0-9]+ bytes stack)[^\n]*\n" "" rest "${output}")
string(STRIP "${rest}" rest)
if(rest)
  message("${rest}")
endif()
if(failed)
  message(FATAL_ERROR "${NVCC} failed on ${SOURCE}")
endif()
