// --rondo-check: a kernel around the user's, which tells where an update depends on more than it should.
//
// An update is determined by the packed bytes of its state, its input, the context and call.random(). So it must give the
// same when it is repeated with another object that was unpacked from the same bytes. The kernel here does every update
// twice, and throws CheckFailure from update() at the first difference, in the bytes of the output or of the state.
//
// One object of a state is kept for as long as the state stays on its worker and gathers whatever it gathers; the other one is
// new for each update. The two updates are done by two Updates of unlike pasts, so that data of the Update shows as well.
//
// Takes more than twice the time and three times the memory of the states. Nothing of it exists in a run without the option.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <rondo/detail/program.hpp>
#include <rondo/error.hpp>

namespace rondo::engine {

// A difference. The text says what differs and what to look for; the master adds state, rank and round: CheckError.
class CheckFailure : public Error {
 public:
  CheckFailure(const std::string& text, std::uint64_t position) : Error(text), position_(position) {}
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  std::uint64_t position_;
};

// The kernel of one worker, with or without the check. With it, the program outlives the kernel: it makes three of the user's
// kernels at once, and two more for a diagnosis.
[[nodiscard]] std::unique_ptr<detail::Kernel> make_kernel(const detail::Program& program, bool check);

}  // namespace rondo::engine
