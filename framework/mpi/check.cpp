#include "mpi/check.hpp"

#include <array>
#include <string>

#include <rondo/error.hpp>
#include "engine/log.hpp"

namespace rondo::mpi {

namespace {

std::string describe(int code, const char* call) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) length = 0;
  return std::string(call) + ": " +
         (length > 0 ? std::string(text.data(), static_cast<std::size_t>(length))
                     : "error " + std::to_string(code));
}

}  // namespace

void throw_error(int code, const char* call) { throw MpiError(describe(code, call)); }

void print_error(int code, const char* call) { engine::standard_error().tell(describe(code, call)); }

}  // namespace rondo::mpi
