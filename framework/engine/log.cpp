#include "engine/log.hpp"

#include <iostream>

namespace rondo::engine {

namespace {

class StandardError final : public Log {
  void write(const std::string& lines) override { std::cerr << lines << std::flush; }
};

}  // namespace

Log& standard_error() {
  static StandardError log;
  return log;
}

}  // namespace rondo::engine
