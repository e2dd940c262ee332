// How many cores there are to work on. Link rondo::stream, or rondo::rondo, which brings it along.
#pragma once

#pragma GCC visibility push(default)

namespace rondo {

/// The cores that the calling thread may use: those in its affinity mask (`taskset`, a launcher's binding), and no more than
/// the CPU quota of its control group allows (a container's or a batch job's `cpu.max`, or the two `cpu.cfs_` files of
/// version 1; those of the groups around it count, too). A quota of one and a half cores counts as two. At least 1.
///
/// Everything in Rondo that is "one per core" asks here. The mask is looked up in each call; the quota is read once.
[[nodiscard]] unsigned cores();

/// The cores that the processes of this control group may use together on this machine, whatever the affinity mask of each
/// one is: all that are online, and no more than the CPU quota allows. At least 1.
[[nodiscard]] unsigned cores_of_node();

}  // namespace rondo

#pragma GCC visibility pop
