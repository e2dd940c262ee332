// Lines for the person who runs the program: on standard error, or where a simulation wants them.
#pragma once

#include <sstream>
#include <string>

namespace rondo::engine {

/// Thread-safe. A line is written whole and at once, so that lines of several ranks and threads do not mix, and none is lost when
/// the process ends without destructors.
class Log {
 public:
  virtual ~Log() = default;
  /// Writes "rondo: ", these parts one after the other, and a line break. The text names the rank, the state and the round where they
  /// are known. It may have further lines, each with its own "rondo: ".
  template <class... Parts>
  void tell(const Parts&... parts) {
    std::ostringstream text;
    (text << ... << parts);
    write("rondo: " + text.str() + "\n");
  }

 private:
  /// One or more whole lines.
  virtual void write(const std::string& lines) = 0;
};

/// The log of this process.
[[nodiscard]] Log& standard_error();

}  // namespace rondo::engine
