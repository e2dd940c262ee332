// One run of a test, with its own command line: what main() would have got. run() changes it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <rondo/rondo.hpp>

namespace rondo::test {

class CommandLine {
 public:
  explicit CommandLine(std::vector<std::string> options = {}) : arguments_(std::move(options)) {
    arguments_.insert(arguments_.begin(), "test");
    for (std::string& argument : arguments_) pointers_.push_back(argument.data());
    pointers_.push_back(nullptr);
    argc = static_cast<int>(arguments_.size());
  }
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  [[nodiscard]] char** argv() { return pointers_.data(); }
  // What run() has left.
  [[nodiscard]] std::vector<std::string> left() const {
    return {pointers_.begin(), pointers_.begin() + argc};
  }

  int argc;

 private:
  std::vector<std::string> arguments_;
  std::vector<char*> pointers_;
};

// run() with these options; the status that it returned on this rank.
template <UpdateClass U, class Main>
int run_with(std::vector<std::string> options, Main main) {
  CommandLine line(std::move(options));
  return run<U>(line.argc, line.argv(), std::move(main));
}

}  // namespace rondo::test
