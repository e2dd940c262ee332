// rondo::run of a build without MPI.
#include <cstdlib>
#include <iostream>

#include <rondo/detail/run.hpp>
#include <rondo/error.hpp>

#include "engine/descriptors.hpp"
#include "engine/session.hpp"

namespace rondo::detail {

int run_program(int& argc, char** argv, const Program& program, const Main& main) {
  engine::open_standard_descriptors();
  return engine::run_alone(argc, argv, program, main);
}

}  // namespace rondo::detail
