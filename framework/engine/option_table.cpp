#include "engine/option_table.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "engine/option_values.hpp"

namespace rondo::engine {

namespace {

// What a row says in words.
struct Words {
  const char* name;
  const char* values;
  const char* help;
  const char* preset = nullptr;  // null: the default value, as it is written
};

template <class Member, class Kind>
OptionRow row(const Words& words, Member rondo::Options::*member, Kind kind) {
  OptionRow result;
  result.name = words.name;
  result.values = words.values;
  result.help = words.help;
  result.read = [member, kind](rondo::Options& options, const std::string& written, const std::string& text) {
    // a number fits, as its range is part of its kind
    options.*member = static_cast<Member>(kind.read(written, text));
  };
  result.write = [member, kind](const rondo::Options& options) { return kind.write(options.*member); };
  result.preset = words.preset != nullptr ? words.preset : result.write(rondo::Options());
  return result;
}

// The same for a member that may be empty, where no value says so.
template <class Member, class Kind>
OptionRow optional_row(const Words& words, std::optional<Member> rondo::Options::*member, Kind kind) {
  OptionRow result;
  result.name = words.name;
  result.values = words.values;
  result.help = words.help;
  result.preset = words.preset;
  result.read = [member, kind](rondo::Options& options, const std::string& written, const std::string& text) {
    options.*member = static_cast<Member>(kind.read(written, text));
  };
  result.write = [member, kind](const rondo::Options& options) {
    const std::optional<Member>& value = options.*member;
    return value ? kind.write(*value) : std::string();
  };
  return result;
}

constexpr std::array kOtherArguments = {"warn", "refuse", "ignore"};

std::vector<OptionRow> make_rows() {
  using namespace option_values;
  using O = rondo::Options;
  const Whole counts{1, 1'000'000};
  return {
      optional_row({"workers", "N",
                    "worker threads of a run without a launcher; under a launcher, its ranks are the workers",
                    "one per core"},
                   &O::workers, Whole{1, 4096}),
      row({"alone", "on|off",
           "this process is a run of its own, on threads, although a launcher has started others beside it",
           "off: processes that were started together and do not find each other end with an error"},
          &O::alone, Switch{}),
      optional_row(
          {"stack", "SIZE",
           "size of the stack of each thread that runs the program's functions, those of streams included",
           "that of the main thread (`ulimit -s`), or 64M where that has no limit"},
          &O::stack, Size{}),
      row({"master-works", "on|off", "rank 0 has a worker too, for small machines"}, &O::master_works,
          Switch{}),
      row({"batch", "auto|off|N",
           "states per assignment; `auto`: by predicted time; `off`: states stay where they were placed"},
          &O::batch, AutoOffOrWhole{1, 1'000'000'000, false}),
      row({"seed", "N", "seed of `Call::random()` and of `master.random()`"}, &O::seed, Whole{}),
      optional_row(
          {"memory", "SIZE",
           "size of the states (say 4G) that placement and stealing may bring to one worker", "no limit"},
          &O::memory, Size{}),
      row({"rollback", "on|off",
           "keeps a copy of the state that is being updated, and restores it if the update throws"},
          &O::rollback, Switch{}),
      row({"check", "on|off",
           "looks for faults of the program, to be used once per program: states move all the time, every "
           "update is done "
           "twice from the same bytes, and the first difference ends the run and names state, round, byte "
           "and what it looks "
           "like (a member that `serialize` forgets, a solver's hidden history, a global variable); it takes "
           "more than "
           "twice the time and three times the memory"},
          &O::check, Switch{}),
      row({"stall", "SECONDS",
           "seconds without progress before rank 0 prints which rank waits for what; 0: never"},
          &O::stall, SecondsOrNever{}),
      row({"stall-abort", "SECONDS",
           "seconds without progress before the run ends, with status 75 if it has --rondo-checkpoint; 0: "
           "never",
           "never"},
          &O::stall_abort, SecondsOrNever{}),
      row({"rounds-ahead", "N",
           "rounds of `evolve()` that are open at a time; the outputs of so many rounds wait on rank 0"},
          &O::rounds_ahead, counts),
      row({"fanout", "N", "ranks to which one rank forwards a context or a big common input"}, &O::fanout,
          Whole{1, 65536}),
      row({"relay", "auto|off|N",
           "workers in a group whose leader gathers the messages between them and rank 0; `off`: no groups",
           "auto: groups where there are many workers"},
          &O::relay, AutoOffOrWhole{2, 65536}),
      row({"input-memory", "SIZE",
           "size of the inputs that wait at one worker, where each state has its own input"},
          &O::input_memory, Size{}),
      row({"checkpoint", "DIR",
           "directory for this run's checkpoints, also where it resumes; one run per directory; to start "
           "over, use another or "
           "delete it and its copies; the second run of one process uses DIR/2 unless it is given another "
           "directory",
           "none"},
          &O::checkpoint, Path{}),
      row({"checkpoint-copy", "DIR",
           "second directory for every checkpoint, say on another file system: one complete place is enough "
           "to resume; runs "
           "may share it",
           "none"},
          &O::checkpoint_copy, Path{}),
      optional_row({"checkpoint-every", "TIME|ROUNDSr",
                    "time between two checkpoints (20m, 90s, 2h), or number of rounds (100r)",
                    "the optimum for what a checkpoint costs (Young and Daly)"},
                   &O::checkpoint_every, Cadence{}),
      row({"keep", "N", "number of checkpoints to keep"}, &O::keep, counts),
      row({"checkpoint-memory", "SIZE",
           "size of the copies of states that may wait for the disk on one worker while it goes on; one "
           "bigger state may "
           "always wait"},
          &O::checkpoint_memory, Size{}),
      row({"checkpoint-arguments", "warn|refuse|ignore",
           "what to do with a checkpoint of a run whose program had other arguments"},
          &O::checkpoint_arguments, Word<rondo::Options::OtherArguments>{kOtherArguments}),
      optional_row({"walltime", "TIME",
                    "time (say 2h) after which the run must have left, with status 75, or 74 if it has saved "
                    "nothing new; "
                    "needs --rondo-checkpoint",
                    "the end of the SLURM job"},
                   &O::walltime, Duration{}),
      row({"grace", "SECONDS",
           "seconds after TERM or INT in which a round may end before the run leaves without it; mpirun "
           "kills after 1"},
          &O::grace, SecondsOrZero{}),
      row({"round-grace", "TIME",
           "time after USR2 in which a round may end before the run leaves without it, where no walltime is "
           "known (with one, "
           "until shortly before it); 0: no limit"},
          &O::round_grace, DurationOrNone{}),
      row({"node-failure", "TIME",
           "mean time between failures of one node, for the optimum of --rondo-checkpoint-every", "5 years"},
          &O::node_failure, Duration{}),
      row({"recover", "on|off",
           "goes on when workers are lost: each state has two copies in the memory of two workers; needs "
           "`slurm/rondo-run`"},
          &O::recover, Switch{}),
      row({"recover-every", "N",
           "rounds between two refreshes of these copies; more is cheaper, but leaves more rounds to repeat "
           "after a loss and "
           "more inputs to keep on rank 0"},
          &O::recover_every, counts),
      row({"recover-deadline", "SECONDS",
           "seconds of silence after which a worker counts as lost; it answers during a long update, too, "
           "but a busy machine "
           "may delay the answer"},
          &O::recover_deadline, PositiveSeconds{}),
      row({"orphan", "SECONDS",
           "seconds of silence of rank 0 after which a worker ends the run, with status 75 if it has "
           "--rondo-checkpoint; 0: "
           "never; must be longer than the program ever computes between two calls"},
          &O::orphan, SecondsOrNever{}),
      row({"marker", "NAME",
           "symbolic link to the exit status, which rank 0 makes as it leaves, for `slurm/rondo-run`; it "
           "never replaces "
           "another file",
           "none"},
          &O::marker, Path{}),
  };
}

std::string replaced(std::string text, char from, char to) {
  std::replace(text.begin(), text.end(), from, to);
  return text;
}

}  // namespace

std::string OptionRow::variable() const {
  std::string result = replaced(option(), '-', '_');
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string OptionRow::member() const { return "Options::" + replaced(name, '-', '_'); }

std::span<const OptionRow> option_table() {
  static const std::vector<OptionRow> rows = make_rows();
  return rows;
}

const OptionRow* find_option(const std::string& option) {
  const auto rows = option_table();
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const OptionRow& row) { return row.option() == option; });
  return found == rows.end() ? nullptr : &*found;
}

std::string options_as_markdown() {
  std::string result = "| option | meaning | default |\n|---|---|---|\n";
  for (const OptionRow& row : option_table()) {
    std::string values = row.is_switch() ? "" : "=" + row.values;
    for (std::size_t at = 0; (at = values.find('|', at)) != std::string::npos; at += 2)
      values.insert(at, "\\");
    result += "| `--" + row.option() + values + "` | " + row.help + " | " + row.preset + " |\n";
  }
  return result;
}

}  // namespace rondo::engine
