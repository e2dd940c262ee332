// The options of a run, for a program that sets them in code.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace rondo {

/// A whole number that Rondo chooses unless it is given, or that switches off what it counts.
class Tunable {
 public:
  /// Rondo chooses.
  constexpr Tunable() = default;
  /// This number.
  constexpr Tunable(std::uint64_t number) : kind_(Kind::kNumber), number_(number) {}
  /// Switches off what it counts.
  [[nodiscard]] static constexpr Tunable off() {
    Tunable result;
    result.kind_ = Kind::kOff;
    return result;
  }

  /// Whether Rondo chooses.
  [[nodiscard]] constexpr bool is_automatic() const { return kind_ == Kind::kAutomatic; }
  /// Whether it is switched off.
  [[nodiscard]] constexpr bool is_off() const { return kind_ == Kind::kOff; }
  /// The number, or `other` if none was given.
  [[nodiscard]] constexpr std::uint64_t value_or(std::uint64_t other) const {
    return kind_ == Kind::kNumber ? number_ : other;
  }

  /// Whether both mean the same.
  friend constexpr bool operator==(const Tunable&, const Tunable&) = default;

 private:
  enum class Kind : std::uint8_t { kAutomatic, kOff, kNumber };
  Kind kind_ = Kind::kAutomatic;
  std::uint64_t number_ = 0;
};

/// A number of rounds, where a time could be given as well.
struct Rounds {
  /// How many.
  std::uint64_t count = 0;

  /// Whether the numbers are equal.
  friend constexpr bool operator==(const Rounds&, const Rounds&) = default;
};

/// What a program asks of its run: `rondo::run<U>(options, argc, argv, main)`.
///
/// Each member is the option of the same name: `master_works` is --rondo-master-works. What is set here is overridden by the
/// environment (RONDO_MASTER_WORKS), and both are overridden by the command line. --rondo-help and the table in README.md say
/// what each option does and which values it takes. A value that is out of range ends the run with an OptionError that names
/// the member. All ranks must set the same.
///
/// Sizes are bytes. An empty optional means what its comment says.
struct Options {
  /// A time in seconds.
  using Seconds = std::chrono::duration<double>;
  /// What happens with a checkpoint of a run that had other arguments.
  enum class OtherArguments : std::uint8_t { kWarn, kRefuse, kIgnore };

  std::optional<std::uint32_t> workers;  ///< empty: one per core
  /// This process is a run of its own, whatever has started it.
  bool alone = false;
  std::optional<std::uint64_t> stack;  ///< empty: as the main thread has
  /// Rank 0 holds and updates states, too.
  bool master_works = false;
  Tunable batch;  ///< states; off: states stay where they were placed
  /// Of all random numbers.
  std::uint64_t seed = 0;
  std::optional<std::uint64_t> memory;  ///< empty: no limit
  /// A state whose update throws is put back.
  bool rollback = false;
  /// Every update is done twice and compared.
  bool check = false;
  std::optional<Seconds> stall = Seconds(300);  ///< empty: never
  std::optional<Seconds> stall_abort;           ///< empty: never
  /// Rounds of evolve() that are open at a time.
  std::uint64_t rounds_ahead = 16;
  std::uint32_t fanout = 16;  ///< ranks
  Tunable relay;              ///< workers of a group; off: there are no groups
  /// Bytes of own inputs that rank 0 packs ahead, per worker.
  std::uint64_t input_memory = std::uint64_t{64} << 20;

  std::string checkpoint;       ///< a directory; empty: no checkpoints but those that the program asks for
  std::string checkpoint_copy;  ///< a directory; empty: no copies
  /// A time or a number of rounds; empty: the optimum.
  std::optional<std::variant<std::chrono::seconds, Rounds>> checkpoint_every;
  std::uint64_t keep = 2;  ///< checkpoints
  /// Bytes of packed states that wait for the disk, per worker.
  std::uint64_t checkpoint_memory = std::uint64_t{1} << 30;
  /// What happens with a checkpoint of a run that had other arguments.
  OtherArguments checkpoint_arguments = OtherArguments::kWarn;
  std::optional<std::chrono::seconds> walltime;  ///< empty: until the end of the SLURM job
  /// After TERM or INT, the time in which a round may end.
  Seconds grace = Seconds(0.8);
  std::optional<std::chrono::seconds> round_grace = std::chrono::seconds(600);  ///< empty: no limit
  /// The mean time between two failures of one node.
  std::chrono::seconds node_failure = std::chrono::seconds(157'788'000);

  /// The run goes on when workers are lost.
  bool recover = false;
  std::uint64_t recover_every = 10;  ///< rounds
  /// Of silence, after which a worker counts as lost.
  Seconds recover_deadline = Seconds(10);
  std::optional<Seconds> orphan = Seconds(21600);  ///< empty: never
  std::string marker;                              ///< a symbolic link; empty: none
};

}  // namespace rondo
