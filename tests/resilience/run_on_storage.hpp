// A program on threads whose checkpoints go to a storage of the test's.
#pragma once

#include <cstdlib>
#include <utility>

#include <rondo/detail/typed_kernel.hpp>
#include "engine/session.hpp"

#include "journey.hpp"

namespace rondo::test {

// Its status. The threads of the run use the storage at the same time.
template <class Main>
int run_on(checkpoint::Storage& storage, const engine::Options& options, Main main) {
  const engine::Host host{storage, [](int status) { std::_Exit(status); }};
  return engine::run_threads(host, detail::make_program<Walker>([] { return Walker(); }), options,
                             detail::erase_main<Walker>(std::move(main)));
}

}  // namespace rondo::test
