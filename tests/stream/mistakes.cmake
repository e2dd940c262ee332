# Compiles mistakes.cpp, and checks of each mistake that an error in its lines, or in a template that these instantiate,
# says what stands beside it, and that there is no error elsewhere.
#   cmake -D COMPILER=... -D INCLUDE=folder -D SOURCE=mistakes.cpp -P mistakes.cmake
execute_process(
  COMMAND ${COMPILER} -std=c++20 -fsyntax-only -fno-diagnostics-show-caret -fmessage-length=0 -I${INCLUDE} ${SOURCE}
  ERROR_VARIABLE said OUTPUT_QUIET)

# Which mistake each line of the source belongs to: mistake_LINE, and says_MISTAKE.
file(READ ${SOURCE} text)
string(REPLACE ";" "," text "${text}")  # ';' separates the items of a list
string(REPLACE "[" "(" text "${text}")  # and brackets keep them together
string(REPLACE "]" ")" text "${text}")
string(REPLACE "\n" ";" lines "${text}")
set(mistakes)
set(mistake "")
set(number 0)
foreach(line IN LISTS lines)
  math(EXPR number "${number} + 1")
  if(line MATCHES "// MISTAKE ([a-z_]+): (.*)$")
    set(mistake ${CMAKE_MATCH_1})
    set(says_${mistake} "${CMAKE_MATCH_2}")
    list(APPEND mistakes ${mistake})
  elseif(line MATCHES "// END$")
    set(mistake "")
  endif()
  set(mistake_${number} "${mistake}")
endforeach()

# An error inside of a template comes after the line of the source from which it was instantiated.
string(REPLACE ";" "," said "${said}")
string(REPLACE "[" "(" said "${said}")
string(REPLACE "]" ")" said "${said}")
string(REPLACE "\n" ";" said "${said}")
set(current "")
foreach(line IN LISTS said)
  if(line MATCHES "^[^ ]*mistakes\\.cpp:([0-9]+):")
    set(current "${mistake_${CMAKE_MATCH_1}}")
  endif()
  if(line MATCHES ": (fatal )?error: ")
    if(current STREQUAL "")
      message(SEND_ERROR "an error outside of the mistakes: ${line}")
    else()
      string(FIND "${line}" "${says_${current}}" at)
      if(at GREATER -1)
        set(found_${current} TRUE)
      endif()
    endif()
  endif()
endforeach()
if(NOT mistakes)
  message(SEND_ERROR "no mistakes are marked in ${SOURCE}")
endif()
foreach(mistake IN LISTS mistakes)
  if(found_${mistake})
    message(STATUS "${mistake}: ${says_${mistake}}")
  else()
    message(SEND_ERROR "${mistake}: the compiler does not say \"${says_${mistake}}\"")
  endif()
endforeach()
