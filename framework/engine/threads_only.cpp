// rondo::run of a build without MPI.
#include <cstdlib>

#include <rondo/detail/run.hpp>
#include <rondo/error.hpp>

#include "engine/log.hpp"
#include "engine/session.hpp"

namespace rondo::detail {

int run_program(int& argc, char** argv, const Program& program, const Main& main, const Options& options) {
  engine::Beginning beginning(argc, argv, nullptr, options);
  const bool alone = beginning.options() != nullptr && beginning.options()->alone;
  if (alone || !engine::is_cut_off(beginning.launch(), 1)) return engine::run_alone(beginning, program, main);
  if (beginning.launch().tells) engine::standard_error().tell(engine::cut_off(beginning.launch(), ""));
  return EXIT_FAILURE;
}

}  // namespace rondo::detail
