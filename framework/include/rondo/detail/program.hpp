// What the engine needs of the user's types, without knowing them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#pragma GCC visibility push(default)

namespace rondo::detail {

class Recorder;
class Schema;

// A state, or a decoded input, of a type that only the kernel knows.
using Object = std::unique_ptr<void, void (*)(void*)>;

struct CallInfo {
  StateId state;
  std::uint64_t round;
  std::uint64_t seed;
};

// The user's Update on one worker. All functions may throw what the user's code throws.
//
// update() and set_context() are called by the thread that computes; the others, for other states, at the same time by
// the one that communicates. So they share nothing.
class Kernel {
 public:
  virtual ~Kernel() = default;

  [[nodiscard]] virtual Object make_state() const = 0;  // an empty one
  [[nodiscard]] virtual Object unpack_state(Bytes bytes) const = 0;
  // By the copy constructor. Null if that might share memory: such a state is copied by packing (engine/state_copies.hpp).
  [[nodiscard]] virtual Object copy_state(const void* state) const = 0;
  [[nodiscard]] virtual std::size_t packed_size(const void* state) const = 0;  // of what pack_state appends
  virtual void pack_state(const void* state, Buffer& out) const = 0;
  // The same for a checkpoint, which a later build of the program may read: what was written is recorded and compared.
  virtual void save_state(const void* state, Buffer& out, Recorder& recorder) const = 0;
  [[nodiscard]] virtual Object load_state(Bytes bytes, const Schema& schema) const = 0;
  [[nodiscard]] virtual Object unpack_input(Bytes bytes) const = 0;

  // Packed by pack_described(); empty: before anything was shared.
  virtual void set_context(Bytes bytes) = 0;
  // Appends the packed output. The input is `shared_input`, or if that is null unpacked from `own_input`.
  virtual void update(void* state, const void* shared_input, Bytes own_input, const CallInfo& call,
                      Buffer& output) = 0;
};

struct Program {
  std::string types;        // equal on ranks that use equal types
  std::uint64_t shape = 0;  // of the state and the context: shape.hpp
  // Throws what set_context() would throw. For rank 0, before it goes on from a checkpoint.
  std::function<void(Bytes)> check_context;
  std::function<std::unique_ptr<Kernel>()> make_kernel;
};

}  // namespace rondo::detail

#pragma GCC visibility pop
