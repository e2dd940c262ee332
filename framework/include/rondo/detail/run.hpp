// The compiled half of rondo::run.
#pragma once

#include <functional>

#include <rondo/detail/engine.hpp>
#include <rondo/detail/program.hpp>
#include <rondo/options.hpp>

#pragma GCC visibility push(default)

namespace rondo::detail {

using Main = std::function<int(Engine&)>;

// On the ranks of the launcher that started this process, or on threads if none did or there is one rank.
[[nodiscard]] int run_program(int& argc, char** argv, const Program& program, const Main& main,
                              const Options& options);

}  // namespace rondo::detail

#pragma GCC visibility pop
