// Starts a program and waits for its end: status, what it wrote, how long it took.
#pragma once

#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace rondo::test {

struct Ended {
  int status;          // as a shell gives it: 128 + the signal, if one ended it; 124: it hung
  std::string output;  // both streams
  std::chrono::duration<double> time;

  [[nodiscard]] std::size_t count(const std::string& text) const {
    std::size_t found = 0;
    for (auto at = output.find(text); at != std::string::npos; at = output.find(text, at + 1)) ++found;
    return found;
  }
  [[nodiscard]] bool says(const std::string& text) const { return count(text) > 0; }
};

inline Ended launch(const std::string& command) {
  const auto begin = std::chrono::steady_clock::now();
  // "exec" would lose the shell, which turns a signal into a status
  std::FILE* pipe =
      popen(("{ timeout -k 5 $((60 * ${RONDO_TEST_PATIENCE:-1})) " + command + "; } 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + command);
  Ended ended{};
  std::array<char, 4096> block{};
  while (const std::size_t size = std::fread(block.data(), 1, block.size(), pipe))
    ended.output.append(block.data(), size);
  const int status = pclose(pipe);
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ended.time = std::chrono::steady_clock::now() - begin;
  return ended;
}

}  // namespace rondo::test
