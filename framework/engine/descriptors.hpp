// The descriptors of the standard streams, which a program may be started without (2>&-).
#pragma once

namespace rondo::engine {

// Opens those of the three that are closed, to /dev/null. Otherwise the next file that anybody opens gets such a number, and
// what is printed lands in it. Done as the program is loaded, before its main() and before MPI, and again by each run().
void open_standard_descriptors();

}  // namespace rondo::engine
