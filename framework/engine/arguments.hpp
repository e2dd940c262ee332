// The program's own arguments, which a checkpoint keeps: what a run goes on from was computed with them.
#pragma once

#include <string>
#include <string_view>

namespace rondo::engine {

// "was written by a run with the arguments 150 60, and this run has the arguments 999 70"; empty if they are the same. Each
// argument has a zero byte behind it. No longer than a few lines.
[[nodiscard]] std::string differing_arguments(std::string_view of_checkpoint, std::string_view of_run);

}  // namespace rondo::engine
