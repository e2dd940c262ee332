# Fails unless the estimates of the particle filter are as near to the exact log-likelihood as the errors printed beside
# them say, over several seeds.
#   cmake -DPROGRAM=particle_filter -P agrees_with_exact.cmake
#
# The error comes from 8 runs, so (estimate - exact) / error is about t-distributed with 7 degrees of freedom: within 2 in 91 %
# of the cases, and within 5.4 in 99.9 %.
cmake_minimum_required(VERSION 3.25)

set(near 0)
set(estimates)
foreach(seed RANGE 1 8)
  execute_process(COMMAND ${PROGRAM} --particles=1000 --runs=8 --rondo-seed=${seed}
    RESULT_VARIABLE status OUTPUT_VARIABLE printed)
  # cmake counts in whole numbers; all have four decimals
  if(NOT status STREQUAL "0" OR NOT printed MATCHES
      "particles +-([0-9]+)[.]([0-9][0-9][0-9][0-9]) [+]- ([0-9]+)[.]([0-9][0-9][0-9][0-9]) .*exact +-([0-9]+)[.]([0-9][0-9][0-9][0-9])\n")
    message(FATAL_ERROR "seed ${seed}: status ${status}, printed:\n${printed}")
  endif()
  math(EXPR difference "${CMAKE_MATCH_1}${CMAKE_MATCH_2} - ${CMAKE_MATCH_5}${CMAKE_MATCH_6}")
  math(EXPR error "${CMAKE_MATCH_3}${CMAKE_MATCH_4}")
  string(REPLACE "-" "" distance ${difference})
  message(STATUS "seed ${seed}: off by ${difference}e-4, error ${error}e-4")
  list(APPEND estimates ${CMAKE_MATCH_1}${CMAKE_MATCH_2})

  # a filter of 1000 particles has an error of about 0.35, a mean of eight of about 0.12
  if(error GREATER 3000 OR error LESS 200)
    message(FATAL_ERROR "seed ${seed}: an error of ${error}e-4 is not that of 8 runs of 1000 particles")
  endif()
  math(EXPR distance_10 "${distance} * 10")
  math(EXPR limit_10 "${error} * 54")
  if(distance_10 GREATER limit_10)
    message(FATAL_ERROR "seed ${seed}: off by ${distance}e-4, with an error of ${error}e-4")
  endif()
  math(EXPR twice "${error} * 2")
  if(distance LESS_EQUAL twice)
    math(EXPR near "${near} + 1")
  endif()
endforeach()

# fewer than 5 of 8 within two errors happens by chance for one set of seeds in 370
if(near LESS 5)
  message(FATAL_ERROR "only ${near} of 8 estimates are within two errors of the exact value")
endif()
list(REMOVE_DUPLICATES estimates)
list(LENGTH estimates different)
if(different LESS 8)
  message(FATAL_ERROR "different seeds gave equal estimates: ${estimates}")
endif()
