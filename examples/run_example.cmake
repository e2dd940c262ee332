# Runs the commands that the head of an example shows, and compares what they print.
#   cmake -DSOURCE=example.cpp -DPROGRAM=binary [-DLAUNCHER="mpirun -np 3"] -P run_example.cmake
#
# In the head a line "//   $ command" is followed by the lines of its standard output, each after "//   ",
# empty ones as "//". Of the command only the arguments after the program's name are used. <number> stands for any number, <text> for any text in a line.
cmake_minimum_required(VERSION 3.25)

get_filename_component(program_name ${PROGRAM} NAME)
separate_arguments(launcher UNIX_COMMAND "${LAUNCHER}")
set(commands 0)

function(run_and_compare arguments expected)
  string(REGEX REPLACE "\n+$" "\n" expected "${expected}")
  separate_arguments(arguments UNIX_COMMAND "${arguments}")
  execute_process(COMMAND ${launcher} ${PROGRAM} ${arguments}
    RESULT_VARIABLE status OUTPUT_VARIABLE printed ERROR_VARIABLE errors)
  string(REGEX REPLACE "([][+.*()^$?|\\])" "\\\\\\1" pattern "${expected}")
  # columns are padded to the width of the number, which may be another one
  string(REGEX REPLACE " *<number>" " *-?[0-9]+[.]?[0-9]*(e[-+][0-9]+)?" pattern "${pattern}")
  string(REPLACE "<text>" "[^\n]*" pattern "${pattern}")
  if(NOT status STREQUAL "0" OR NOT printed MATCHES "^${pattern}$")
    message(FATAL_ERROR "status ${status}, expected 0\nprinted:\n${printed}\nexpected:\n${expected}\nerrors:\n${errors}")
  endif()
endfunction()

file(READ ${SOURCE} rest)
set(arguments)
set(expected)
while(rest MATCHES "^//([^\n]*)\n")
  set(line "${CMAKE_MATCH_1}")
  string(LENGTH "//${line}\n" length)
  string(SUBSTRING "${rest}" ${length} -1 rest)
  if(line MATCHES "^   [$] .*${program_name}( .*)?$")
    if(commands GREATER 0)
      run_and_compare("${arguments}" "${expected}")
    endif()
    set(arguments "${CMAKE_MATCH_1}")
    set(expected)
    math(EXPR commands "${commands} + 1")
  elseif(commands GREATER 0 AND line STREQUAL "")
    string(APPEND expected "\n")
  elseif(commands GREATER 0 AND line MATCHES "^   (.*)$")
    string(APPEND expected "${CMAKE_MATCH_1}\n")
  endif()
endwhile()
if(commands EQUAL 0)
  message(FATAL_ERROR "${SOURCE}: its head shows no command")
endif()
run_and_compare("${arguments}" "${expected}")
