// The master over bytes: what Master<U> is a typed layer on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/detail/program.hpp>
#include <rondo/ids.hpp>
#include <rondo/profile.hpp>
#include <rondo/random.hpp>

#pragma GCC visibility push(default)

namespace rondo::detail {

struct Task {
  std::uint64_t key;  // its call.id(), and with the round what its random numbers depend on
  Buffer input;
  std::function<void(Bytes output)> done;
  std::function<void(std::exception_ptr)> failed;
};

// Lives on rank 0, used from the thread that runs the program's main. A position is that of a state in ids().
class Engine {
 public:
  using Pack = std::function<void(std::size_t position, Buffer& out)>;
  using Take = std::function<void(std::size_t position, Bytes bytes)>;
  using TakeBytes = std::function<void(Bytes bytes)>;

  virtual ~Engine() = default;

  [[nodiscard]] virtual const std::vector<StateId>& ids() const = 0;
  [[nodiscard]] virtual std::size_t workers() const = 0;

  // Drops all states and places `count` new ones; `pack` is called once for each, in order.
  virtual void reset(std::size_t count, const Pack& pack) = 0;
  virtual void hint(std::span<const double> seconds) = 0;

  // One round. The input is `shared`, or if `own` is set, what that packs (perhaps more than once). Outputs come in any order.
  virtual void update(Bytes shared, const Pack& own, const Take& output) = 0;

  struct Rounds {
    std::function<bool(Buffer& input)> next;  // false: no more rounds
    std::function<void(std::uint64_t round, std::size_t position, Bytes bytes)> output;  // in any order
    std::function<void(std::uint64_t round)> complete;                                   // in order
    std::size_t ahead;  // rounds open at a time
  };
  virtual void evolve(const Rounds& rounds) = 0;

  // Replaces each state by as many children; children in the order of their parents.
  virtual void resample(std::span<const std::uint32_t> offspring) = 0;
  virtual void share(Bytes context) = 0;
  // Fetches the states at these positions, which ascend; they come in any order.
  virtual void fetch(std::span<const std::size_t> positions, const Take& state) = 0;

  // Tasks: updates of a fresh state each. post() may be called by any thread while another one is in serve(), which hands
  // out what is posted until `ended` says so, cancels what has not started then, and calls done and failed of each other one.
  // wake() makes serve() ask `ended` again.
  virtual void post(Task task) = 0;
  // A number for a thread that posts tasks, different from all others until the next serve() has ended.
  [[nodiscard]] virtual std::uint64_t new_poster() = 0;
  virtual void serve(const std::function<bool()>& ended) = 0;
  virtual void wake() = 0;

  // `program` is the program's own; restore and resume give it back, and return false if there is no checkpoint. A
  // checkpoint whose bytes `program` refuses (by an exception) is not used.
  virtual void checkpoint(const std::string& path, Bytes program) = 0;
  [[nodiscard]] virtual bool restore(const std::string& path, const TakeBytes& program) = 0;
  [[nodiscard]] virtual bool resume(const TakeBytes& program) = 0;
  virtual void safe_point(Bytes program) = 0;

  [[nodiscard]] virtual Profile profile() = 0;
  [[nodiscard]] virtual std::size_t rounds_ahead() const = 0;
  [[nodiscard]] virtual std::uint64_t seed() const = 0;
  // The stream of main's random numbers: a checkpoint keeps where it stands.
  [[nodiscard]] virtual Random& random() = 0;
};

}  // namespace rondo::detail

#pragma GCC visibility pop
