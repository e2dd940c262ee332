// What a program of many ranks on this node prints.
#pragma once

#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>

inline std::string launch(std::size_t ranks, const std::string& program) {
  const std::string command = RONDO_LAUNCHER " -np " + std::to_string(ranks) + " " + program;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + command);
  char line[4096];
  std::string said;
  while (std::fgets(line, sizeof line, pipe) != nullptr) said += line;
  if (pclose(pipe) != 0) throw std::runtime_error(command + " failed");
  return said;
}
