// Turns return codes of MPI into errors that name the call.
#pragma once

#include <mpi.h>

namespace rondo::mpi {

// Throws MpiError with the name of the call and MPI's text for the code.
[[noreturn]] void throw_error(int code, const char* call);
// Prints this text instead; for destructors, which must not throw.
void print_error(int code, const char* call);

inline void check(int code, const char* call) {
  if (code != MPI_SUCCESS) [[unlikely]]
    throw_error(code, call);
}

inline void check_quietly(int code, const char* call) {
  if (code != MPI_SUCCESS) [[unlikely]]
    print_error(code, call);
}

}  // namespace rondo::mpi
