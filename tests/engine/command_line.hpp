// The command line of one run: what main() would have got. Each run of a test makes its own, as run() changes it.
#pragma once

#include <string>
#include <utility>
#include <vector>

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

}  // namespace rondo::test
