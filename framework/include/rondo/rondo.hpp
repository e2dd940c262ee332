// Everything of Rondo but the streaming evaluator (rondo/stream.hpp) and runs on a communicator of one's own (rondo/mpi.hpp).
#pragma once

#include <rondo/detail/compiler.hpp>

#include <rondo/call.hpp>
#include <rondo/error.hpp>
#include <rondo/ids.hpp>
#include <rondo/master.hpp>
#include <rondo/options.hpp>
#include <rondo/profile.hpp>
#include <rondo/random.hpp>
#include <rondo/run.hpp>
#include <rondo/serialization.hpp>
#include <rondo/update.hpp>

/// Rondo: ensembles of big, persistent states on MPI. A program subclasses Update, calls run(), and holds a Master; evaluate() is
/// the parallel streaming evaluator.
namespace rondo {}
