// A program on threads, for tests of what it does and not of how it ends.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include <rondo/rondo.hpp>

#include "engine/command_line.hpp"

namespace rondo::test {

inline std::string workers(int count) { return "--rondo-workers=" + std::to_string(count); }

// Runs the program on so many workers, which has to end well.
template <class U, class Main>
void run_on_threads(int count, const Main& main) {
  CommandLine line({workers(count)});
  EXPECT_EQ(run<U>(line.argc, line.argv(), main), 0);
}

}  // namespace rondo::test
