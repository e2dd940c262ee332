// The links that rank 0 leaves for whatever waits for the end of the run (--rondo-marker=NAME, slurm/rondo-run): NAME points to
// the status, NAME.rank0 to the host and the process of rank 0, NAME.orphaned to a rank whose rank 0 has fallen silent.
//
// A link is there at once, and on a full disk too. Nothing but such a link of this user's is ever replaced.
#pragma once

#include <string>

namespace rondo::engine {

inline constexpr const char* kMarkerBegun = ".rank0";
inline constexpr const char* kMarkerOrphaned = ".orphaned";

// Throws OptionError if one of the three names is that of something else.
void check_marker(const std::string& name);

// Makes the link `name`, in place of an earlier one. Tells on the error stream if it cannot.
void leave_marker(const std::string& name, const std::string& text);

}  // namespace rondo::engine
