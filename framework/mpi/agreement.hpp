// What the ranks agree on before a run.
#pragma once

#include <boost/mpi/communicator.hpp>

#include "engine/beginning.hpp"

namespace rondo::mpi {

// Whether every rank could read its options, and whether they go together and with the launcher; otherwise one rank prints
// why not. Prints the help, too, if that was asked for. Collective.
[[nodiscard]] bool agree_on_options(const boost::mpi::communicator& communicator,
                                    engine::Beginning& beginning);

}  // namespace rondo::mpi
