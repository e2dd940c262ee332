// Calls what is compiled in engine/inputs.cpp, so that it is optimised together with this.
#include <rondo/detail/inputs.hpp>

int main(int argc, char**) {
  const std::vector<rondo::StateId> ids(static_cast<std::size_t>(argc));
  rondo::detail::check_inputs(ids, 3);
  rondo::detail::check_offspring(ids, {});
  rondo::detail::check_hints(ids, {});
  rondo::detail::check_mentioned(ids, ids);
  return static_cast<int>(rondo::detail::position_of(ids, rondo::StateId{3}));
}
