# Refuses compilers that would fail in the middle of a header; rondo/detail/compiler.hpp does it for users of an installed
# package. tests/run.sh builds with the oldest of each.
set(RONDO_LEAST_GNU 12)
set(RONDO_LEAST_Clang 16)
set(RONDO_NAME_GNU GCC)
set(RONDO_NAME_Clang Clang)

if(NOT DEFINED RONDO_LEAST_${CMAKE_CXX_COMPILER_ID})
  message(WARNING "Rondo is tested with GCC ${RONDO_LEAST_GNU} and Clang ${RONDO_LEAST_Clang}; "
    "this compiler is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER})")
elseif(CMAKE_CXX_COMPILER_VERSION VERSION_LESS RONDO_LEAST_${CMAKE_CXX_COMPILER_ID})
  message(FATAL_ERROR "Rondo needs GCC ${RONDO_LEAST_GNU}, Clang ${RONDO_LEAST_Clang}, or a newer version of one of them; "
    "this compiler is ${RONDO_NAME_${CMAKE_CXX_COMPILER_ID}} ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER}). "
    "Choose another one with -D CMAKE_CXX_COMPILER=...")
endif()
