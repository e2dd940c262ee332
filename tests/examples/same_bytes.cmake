# Fails unless the standard output of a command is that in a file, and its status zero.
#   cmake -DCOMMAND="program option..." -DREFERENCE=file -P same_bytes.cmake
cmake_minimum_required(VERSION 3.25)

file(READ ${REFERENCE} expected)
separate_arguments(command UNIX_COMMAND "${COMMAND}")
execute_process(COMMAND ${command} RESULT_VARIABLE status OUTPUT_VARIABLE printed ERROR_VARIABLE errors)
if(expected STREQUAL "" OR NOT status STREQUAL "0" OR NOT printed STREQUAL expected)
  message(FATAL_ERROR "status ${status}, expected 0\nprinted:\n${printed}\nexpected:\n${expected}\nerrors:\n${errors}")
endif()
