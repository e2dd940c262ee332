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
           "run this process by itself, on threads, although a launcher has started others beside it",
           "off: processes that were started together and do not find each other end with an error"},
          &O::alone, Switch{}),
      optional_row({"stack", "SIZE",
                    "size of the stack of each thread that runs functions of the program, including threads "
                    "of streams",
                    "that of the main thread (`ulimit -s`), or 64M where that has no limit"},
                   &O::stack, Size{}),
      row({"master-works", "on|off", "run a worker on rank 0, too; for small machines"}, &O::master_works,
          Switch{}),
      row({"batch", "auto|off|N",
           "states per assignment; `auto`: by predicted time; `off`: states stay where they were placed"},
          &O::batch, AutoOffOrWhole{1, 1'000'000'000, false}),
      row({"seed", "N", "seed of `Call::random()` and of `master.random()`"}, &O::seed, Whole{}),
      optional_row({"memory", "SIZE",
                    "largest total size of the states (for example 4G) that placement and stealing bring to "
                    "one worker",
                    "no limit"},
                   &O::memory, Size{}),
      row({"rollback", "on|off",
           "keep a copy of the state that is being updated, and restore it if the update throws"},
          &O::rollback, Switch{}),
      row({"check", "on|off",
           "search the program for faults; use it once per program: states move all the time, every update "
           "is done twice from the same bytes, and the first difference ends the run and names the state, "
           "the round, the byte and the likely cause (a member that `serialize` forgets, a solver's hidden "
           "history, a global variable); takes more than twice the time and three times the memory"},
          &O::check, Switch{}),
      row({"stall", "SECONDS",
           "seconds without progress before rank 0 prints which rank waits for what; 0: never"},
          &O::stall, SecondsOrNever{}),
      row({"stall-abort", "SECONDS",
           "seconds without progress before the run ends, with status 75 if --rondo-checkpoint is set; 0: "
           "never",
           "never"},
          &O::stall_abort, SecondsOrNever{}),
      row({"rounds-ahead", "N",
           "rounds of `evolve()` that are open at a time; rank 0 holds the outputs of up to so many rounds"},
          &O::rounds_ahead, counts),
      row({"fanout", "N", "ranks to which one rank forwards a context or a big common input"}, &O::fanout,
          Whole{1, 65536}),
      row({"relay", "auto|off|N",
           "workers per group; the leader of a group gathers the messages between its workers and rank 0; "
           "`off`: no groups",
           "auto: groups where there are many workers"},
          &O::relay, AutoOffOrWhole{2, 65536}),
      row({"input-memory", "SIZE",
           "size of the inputs that may wait at one worker in a round in which each state has its own input"},
          &O::input_memory, Size{}),
      row({"checkpoint", "DIR",
           "directory for this run's checkpoints, also where it resumes; one run per directory; to start "
           "over, use another or "
           "delete it and its copies; the second run of one process uses DIR/2 unless it is given another "
           "directory",
           "none"},
          &O::checkpoint, Path{}),
      row({"checkpoint-copy", "DIR",
           "second directory for every checkpoint, for example on another file system; a complete checkpoint "
           "in one of the two is enough to resume; runs may share it",
           "none"},
          &O::checkpoint_copy, Path{}),
      optional_row({"checkpoint-every", "TIME|ROUNDSr",
                    "time between two checkpoints (20m, 90s, 2h), or number of rounds (100r)",
                    "the optimum for what a checkpoint costs (Young and Daly)"},
                   &O::checkpoint_every, Cadence{}),
      row({"keep", "N", "number of checkpoints to keep"}, &O::keep, counts),
      row({"checkpoint-memory", "SIZE",
           "size of the copies of states that may wait for the disk on one worker while it computes; a "
           "single bigger state may wait, too"},
          &O::checkpoint_memory, Size{}),
      row({"checkpoint-arguments", "warn|refuse|ignore",
           "what to do when the checkpoint was written by a run whose program had other arguments"},
          &O::checkpoint_arguments, Word<rondo::Options::OtherArguments>{kOtherArguments}),
      optional_row({"walltime", "TIME",
                    "time (for example 2h) after which the run must have ended, with status 75, or 74 if it "
                    "has saved nothing new; needs --rondo-checkpoint",
                    "the end of the SLURM job"},
                   &O::walltime, Duration{}),
      row({"grace", "SECONDS",
           "seconds after SIGTERM or SIGINT in which a round may end before the run ends without it; mpirun "
           "kills after 1"},
          &O::grace, SecondsOrZero{}),
      row({"round-grace", "TIME",
           "time after SIGUSR2 in which a round may end before the run ends without it, if no walltime is "
           "known (otherwise until shortly before the walltime); 0: no limit"},
          &O::round_grace, DurationOrNone{}),
      row({"node-failure", "TIME",
           "mean time between failures of one node, for the optimum of --rondo-checkpoint-every", "5 years"},
          &O::node_failure, Duration{}),
      row({"recover", "on|off",
           "continue when workers are lost; each state has two copies, in the memory of two workers; needs "
           "`slurm/rondo-run`"},
          &O::recover, Switch{}),
      row({"recover-every", "N",
           "rounds between two renewals of these copies; a larger number is cheaper, but after a loss more "
           "rounds are repeated, and rank 0 keeps more inputs"},
          &O::recover_every, counts),
      row({"recover-deadline", "SECONDS",
           "seconds without an answer after which a worker is declared lost; a worker answers during a long "
           "update, too, but a busy machine may delay the answer"},
          &O::recover_deadline, PositiveSeconds{}),
      row({"orphan", "SECONDS",
           "seconds without a message from rank 0 after which a worker ends the run, with status 75 if "
           "--rondo-checkpoint is set; 0: never; must be longer than the longest time that the program "
           "computes between two calls"},
          &O::orphan, SecondsOrNever{}),
      row({"marker", "NAME",
           "name of a symbolic link to the exit status, which rank 0 makes when it ends, for "
           "`slurm/rondo-run`; never replaces another file",
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
