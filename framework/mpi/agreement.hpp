// Checks before a run that all ranks agree on the options.
#pragma once

#include <boost/mpi/communicator.hpp>

#include "engine/beginning.hpp"

namespace rondo::mpi {

// Whether every rank could read its options, and whether these are consistent with each other and with the launcher. If not,
// one rank prints the reason. Also prints the help, if the user has asked for it. Collective.
[[nodiscard]] bool agree_on_options(const boost::mpi::communicator& communicator,
                                    engine::Beginning& beginning);

}  // namespace rondo::mpi
