// The master: what a program's main() holds on rank 0.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <rondo/detail/accepted.hpp>
#include <rondo/detail/engine.hpp>
#include <rondo/detail/inputs.hpp>
#include <rondo/detail/typed_kernel.hpp>
#include <rondo/error.hpp>
#include <rondo/profile.hpp>
#include <rondo/random.hpp>
#include <rondo/update.hpp>

namespace rondo {

namespace detail {

// What evolve() takes its inputs from: a range of them, or a pipeline of the streaming evaluator.
template <class Range, class Input>
concept RangeOf = std::ranges::input_range<Range> && requires(Range range, void (*take)(const Input&)) {
  take(*std::ranges::begin(range));
};
template <class Pipeline>
concept Steppable = !std::ranges::input_range<Pipeline> && requires(Pipeline pipeline) {
  sequential(std::move(pipeline));
};

// Tasks of a master, for rondo/ranks.hpp.
template <class U>
class Tasks;

}  // namespace detail

/// One result of an update with forks.
template <class Output>
struct Child {
  /// The fresh id of the child.
  StateId id;
  /// What its update returned.
  Output output;
};

/// Holds the inputs and issues the work; the states are in the memory of the workers. Exists on rank 0 only, made by
/// run(); to be used by the thread that runs main, and not from inside its own calls (the sink and the inputs of
/// evolve): that is an InputError.
///
/// Every call that updates ends when all updates are done. Results do not depend on the number of workers, on where states
/// are, or on any order of events.
///
/// With --rondo-recover any call may throw WorkerLost: see rondo/error.hpp.
///
/// With n states and w workers, a call costs rank 0 O(n) time (under a microsecond per state) and O(w) messages.
template <class U>
class Master {
  // At once where a program names Master<U>: what is wrong with U and its types is told first.
  using Accepted = std::bool_constant<detail::is_accepted<U>()>;

 public:
  /// The type of the states.
  using State = typename detail::TypesOf<U>::State;
  /// The type of the inputs.
  using Input = typename detail::TypesOf<U>::Input;
  /// The type of the outputs.
  using Output = typename detail::TypesOf<U>::Output;
  /// The type of the shared context; Nothing if there is none.
  using Context = typename detail::TypesOf<U>::Context;

  /// For run().
  explicit Master(detail::Engine& engine) : engine_(engine) {}
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  /// Drops all states and places these evenly; returns their fresh ids, ascending, in the order of the states. If one cannot be
  /// packed an Error names it, counted from 0, and there are no states.
  std::vector<StateId> reset(std::vector<State> states) {
    engine_.reset(states.size(), [&](std::size_t i, Buffer& out) {
      write(states[i], out);
      [[maybe_unused]] const State done =
          std::move(states[i]);  // not in memory twice for longer than it takes
    });
    return ids();
  }

  /// Ascending.
  [[nodiscard]] const std::vector<StateId>& ids() const { return engine_.ids(); }
  /// The number of states.
  [[nodiscard]] std::size_t size() const { return engine_.ids().size(); }
  /// How many workers there are: all of them, or with --rondo-recover those that are not lost.
  [[nodiscard]] std::size_t workers() const { return engine_.workers(); }
  /// --rondo-seed, or after a restore the seed of the run that wrote the checkpoint.
  [[nodiscard]] std::uint64_t seed() const { return engine_.seed(); }
  /// The random numbers of main itself: one stream for the whole run, keyed by the seed and independent of those of the updates.
  /// A checkpoint keeps where it stands, so that a run which goes on from there draws the numbers that it would have drawn.
  /// A distribution may keep a number for its next use (std::normal_distribution does), which no checkpoint has: make a new
  /// one after each safe_point(). For the one thread that runs main.
  [[nodiscard]] Random& random() { return engine_.random(); }

  /// What the next update of each state is expected to take, in seconds, in the order of ids(). Only needed where the first
  /// rounds matter: costs are measured. InputError if there is not one positive number per state.
  void hint(std::span<const double> seconds) {
    detail::check_hints(ids(), seconds);
    engine_.hint(seconds);
  }

  /// One round with the same input for every state. Outputs in the order of ids(); ids stay. UpdateError if an update threw.
  std::vector<Output> update(const Input& input) { return collect(packed(input), nullptr); }

  /// One round with one input per state, in the order of ids(). Outputs in the same order; ids stay. InputError if the number
  /// differs from that of the states: it names the first state without an input; UpdateError if an update threw, or if an
  /// input cannot be packed.
  std::vector<Output> update(std::span<const Input> inputs) {
    detail::check_inputs(ids(), inputs.size());
    return collect({}, [&](std::size_t i, Buffer& out) { write(inputs[i], out); });
  }
  /// The same with the inputs in braces: update({1., 2.}) for two states. One input in braces, or none, is an input for every
  /// state, as without the braces: update({1.}) is update(1.), and update({}) is update(Input{}).
  std::vector<Output> update(std::initializer_list<Input> inputs) {
    if (inputs.size() == 1) return update(*inputs.begin());
    if constexpr (std::default_initializable<Input>) {
      if (inputs.size() == 0) return update(Input{});
    }
    return update(std::span<const Input>(inputs.begin(), inputs.size()));
  }

  /// One round with forks: a state with k inputs is replaced by k children with fresh ids, each from the same old state and
  /// with one of the inputs; with none it is dropped. Every current id must be mentioned, and no other: InputError names
  /// the offenders. Fresh ids ascend in the order of (parent, input). After an UpdateError the ids are the children's,
  /// some of them updated and some not.
  template <std::derived_from<std::map<StateId, std::vector<Input>>> Forks>
  std::map<StateId, std::vector<Child<Output>>> update(const Forks& inputs) {
    const std::vector<StateId> parents = ids();
    const auto mentioned = std::views::keys(inputs);
    detail::check_mentioned(parents, std::vector<StateId>(mentioned.begin(), mentioned.end()));
    std::vector<std::uint32_t> offspring;
    std::vector<const Input*> flat;
    for (const auto& [id, mine] : inputs) {
      offspring.push_back(static_cast<std::uint32_t>(mine.size()));
      for (const Input& input : mine) flat.push_back(&input);
    }
    engine_.resample(offspring);
    std::vector<Output> outputs = collect({}, [&](std::size_t i, Buffer& out) { write(*flat[i], out); });

    std::map<StateId, std::vector<Child<Output>>> result;
    std::size_t next = 0;
    for (std::size_t i = 0; i < parents.size(); ++i) {
      std::vector<Child<Output>>& children = result[parents[i]];
      for (std::uint32_t k = 0; k < offspring[i]; ++k, ++next)
        children.push_back({ids()[next], std::move(outputs[next])});
    }
    return result;
  }
  /// The same with the map in braces: update({{a, {1., 2.}}, {b, {}}}).
  // A template, so that empty braces mean an input.
  template <std::same_as<Input> Given = Input>
  std::map<StateId, std::vector<Child<Output>>> update(
      std::initializer_list<std::pair<const StateId, std::vector<std::type_identity_t<Given>>>> inputs) {
    return update(std::map<StateId, std::vector<Input>>(inputs));
  }

  /// Many rounds without a barrier between them: every state goes through all inputs in order, at its own pace. `inputs`
  /// is any input range of Input; it is pulled only as rounds open, and at most `rounds_ahead` are open at a time (0: the
  /// option --rondo-rounds-ahead), so many rounds of outputs wait on rank 0. sink(round, std::span<const Output>) is called
  /// in round order, with outputs in the order of ids(); rounds count from 0. An exception of the sink or of the range
  /// stops the work and goes on to the caller; an update that throws gives UpdateError.
  template <detail::RangeOf<Input> Inputs, std::invocable<std::size_t, std::span<const Output>> Sink>
  void evolve(Inputs&& inputs, Sink sink, std::size_t rounds_ahead = 0) {
    auto next = std::ranges::begin(inputs);
    const auto end = std::ranges::end(inputs);
    bool first = true;
    std::deque<std::unique_ptr<Output[]>> open;  // not vectors: there is no span of a vector<bool>
    std::uint64_t complete = 0;
    detail::Engine::Rounds rounds;
    rounds.ahead = rounds_ahead > 0 ? rounds_ahead : engine_.rounds_ahead();
    rounds.next = [&](Buffer& bytes) {
      if (!std::exchange(first, false)) ++next;
      if (next == end) return false;
      const Input& input = *next;
      write(input, bytes);
      open.push_back(std::make_unique<Output[]>(size()));
      return true;
    };
    rounds.output = [&](std::uint64_t round, std::size_t i, Bytes bytes) {
      read(bytes, open[round - complete][i]);
    };
    rounds.complete = [&](std::uint64_t round) {
      const std::unique_ptr<Output[]> outputs = std::move(open.front());
      open.pop_front();
      ++complete;
      sink(round, std::span<const Output>(outputs.get(), size()));
    };
    engine_.evolve(rounds);
  }

  /// The same with a pipeline of the streaming evaluator as inputs (include rondo/stream.hpp), stepped by this thread.
  template <detail::Steppable Pipeline, class Sink>
  void evolve(Pipeline inputs, Sink sink, std::size_t rounds_ahead = 0) {
    evolve(sequential(std::move(inputs)), std::move(sink), rounds_ahead);
  }

  /// Replaces every state by offspring[i] copies with fresh ids (0: drops it), in the order of ids(); returns the new ids. No
  /// update; copies go straight from worker to worker. InputError if there is not one count per state.
  std::vector<StateId> resample(std::span<const std::uint32_t> offspring) {
    detail::check_offspring(ids(), offspring);
    engine_.resample(offspring);
    return ids();
  }

  /// The read-only context of the rounds to come, once to every worker, down a tree of ranks.
  void share(const Context& context) { engine_.share(described(context)); }

  /// All states, in the order of ids(). The workers keep theirs. UpdateError, which names the states, if a serialize() throws
  /// on a worker or here.
  [[nodiscard]] std::vector<State> states() {
    std::vector<std::size_t> all(size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    return fetch(all);
  }

  /// One state. InputError if there is none of this id.
  [[nodiscard]] State state(StateId id) { return std::move(fetch({detail::position_of(ids(), id)}).front()); }

  /// Writes everything to a new checkpoint in the folder `path`: states, ids, rounds, learned costs, the seed, the context,
  /// and `progress`, whatever the program itself must know to go on (a loop counter, an estimate). Returns when it is on
  /// disk. CheckpointError if it cannot be; then the ones before are as they were. A relative path is in the folder in which
  /// rank 0 has called run(), wherever the program has gone since. Links in the folder are not followed, and files get the
  /// mode 0600.
  template <class Progress = Nothing>
  void checkpoint(const std::string& path, const Progress& progress = {}) {
    engine_.checkpoint(path, described(progress));
  }

  /// Goes back to the newest checkpoint in `path` that is whole, written by any number of workers; false if there is none.
  /// One that cannot be used is told on the error stream, and the one before is used: one that is damaged, one of other types
  /// (rondo/detail/shape.hpp and schema.hpp say how that is seen), one in which a class has a higher BOOST_CLASS_VERSION than
  /// in this program. A class that had a lower version then, 0 if it named none, gets that version as the argument of its serialize().
  /// CheckpointError if there are some and none of them can be used: then there are no states.
  /// A difference between the program's arguments then and now is told too, or refused (--rondo-checkpoint-arguments).
  /// The progress that was saved may be left aside.
  bool restore(const std::string& path) {
    return engine_.restore(path, [](Bytes) {});
  }
  /// The same, and `progress` is what the checkpoint has of it. A checkpoint whose bytes are of another type is not used.
  template <class Progress>
  bool restore(const std::string& path, Progress& progress) {
    return engine_.restore(path, [&](Bytes bytes) { detail::unpack_described(bytes, progress); });
  }

  /// The same by the options, for a program that starts and resumes with the same lines:
  ///
  ///   Progress progress;
  ///   if (!master.resume(progress)) master.reset(initial_states());
  ///   for (; progress.step < steps; ++progress.step) {
  ///     master.safe_point(progress);
  ///     ...
  ///   }
  ///
  /// resume() restores from --rondo-checkpoint, if that is given and has a checkpoint. A newer one of the same run in
  /// --rondo-checkpoint-copy comes before it. If the first folder has nothing any more, what was copied from a folder of that
  /// name counts; CheckpointError if that is of more than one run. The first folder belongs to one run, copies may share theirs:
  /// if another run writes a checkpoint there meanwhile, this one writes none any more (CheckpointError, or from safe_point() a
  /// word on the error stream).
  /// safe_point() writes a checkpoint when it is due (--rondo-checkpoint-every), and goes on while the workers write; without
  /// the option it does nothing.
  template <class Progress>
  bool resume(Progress& progress) {
    return engine_.resume([&](Bytes bytes) { detail::unpack_described(bytes, progress); });
  }
  /// See resume(). Throws CheckpointError never: what goes wrong is printed on the error stream, and the run goes on.
  template <class Progress>
  void safe_point(const Progress& progress) {
    engine_.safe_point(described(progress));
  }

  /// The counters of the run so far. One message to and from each worker.
  [[nodiscard]] Profile profile() { return engine_.profile(); }

 private:
  friend class detail::Tasks<U>;

  // Tasks: `update` of an empty State with this input, on whatever worker has least to do; its state is dropped. Call::id() is
  // the task's `key`; on it and the seed depend the task's random numbers. post() may be called by any thread while the
  // main one is in serve(); `done` and `failed` are called by that one. What has not started when `ended` turns true is
  // dropped.
  void post(std::uint64_t key, const Input& input, std::function<void(Output)> done,
            std::function<void(std::exception_ptr)> failed) {
    engine_.post({key, packed(input),
                  [done = std::move(done), failed](Bytes bytes) {
                    std::optional<Output> output;
                    try {
                      if constexpr (Accepted::value) output = detail::unpacked<Output>(bytes);
                    } catch (...) {
                      return failed(std::current_exception());
                    }
                    done(std::move(*output));
                  },
                  failed});
  }
  void serve(const std::function<bool()>& ended) { engine_.serve(ended); }
  // A number for code that makes keys of tasks, different from all others until the next serve() has ended.
  [[nodiscard]] std::uint64_t new_poster() { return engine_.new_poster(); }
  void wake() { engine_.wake(); }

  template <class T>
  static void write(const T& value, Buffer& out) {
    if constexpr (Accepted::value) pack(value, out);
  }
  template <class T>
  static void read(Bytes bytes, T& value) {
    if constexpr (Accepted::value) unpack(bytes, value);
  }
  template <class T>
  static Buffer packed(const T& value) {
    Buffer bytes;
    write(value, bytes);
    return bytes;
  }
  template <class T>
  static Buffer described(const T& value) {
    Buffer bytes;
    detail::pack_described(value, bytes);
    return bytes;
  }

  std::vector<Output> collect(Bytes shared, const detail::Engine::Pack& own) {
    if constexpr (Accepted::value) {
      std::vector<Output> outputs(size());
      engine_.update(shared, own, [&](std::size_t i, Bytes bytes) {
        if constexpr (std::same_as<Output, bool>) {
          outputs[i] = detail::unpacked<bool>(bytes);
        } else {
          unpack(bytes, outputs[i]);
        }
      });
      return outputs;
    } else {
      return {};
    }
  }

  std::vector<State> fetch(const std::vector<std::size_t>& positions) {
    std::vector<State> states;
    if constexpr (Accepted::value) {
      std::vector<std::optional<State>> fetched(positions.size());
      engine_.fetch(positions, [&](std::size_t position, Bytes bytes) {
        const auto found = std::lower_bound(positions.begin(), positions.end(), position);
        State& state =
            fetched[static_cast<std::size_t>(found - positions.begin())].emplace(detail::empty_state<U>());
        unpack(bytes, state);
      });
      states.reserve(fetched.size());
      for (std::optional<State>& state : fetched) states.push_back(*std::exchange(state, std::nullopt));
    }
    return states;
  }

  detail::Engine& engine_;
};

}  // namespace rondo
