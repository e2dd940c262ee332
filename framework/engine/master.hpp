// The master over bytes: performs what the scheduler commands, and turns messages into its events.
//
// Lives on rank 0, used from the thread that runs the program's main, which is the one that communicates. It works only
// inside its calls; between them the workers wait (or finish copies they were told to make).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rondo/detail/engine.hpp>
#include <rondo/error.hpp>

#include "checkpoint/catalog.hpp"
#include "engine/build.hpp"
#include "engine/host.hpp"
#include "engine/messages.hpp"
#include "engine/options.hpp"
#include "engine/signals.hpp"
#include "engine/walltime.hpp"
#include "engine/watchdog.hpp"
#include "engine/worker.hpp"
#include "recovery/backup.hpp"
#include "recovery/census.hpp"
#include "recovery/failure_detector.hpp"
#include "recovery/outputs.hpp"
#include "recovery/replay_log.hpp"
#include "scheduler/scheduler.hpp"
#include "transport/relay.hpp"

namespace rondo::engine {

using scheduler::Slot;

class Master final : public detail::Engine {
 public:
  // Waits for the workers and agrees with them on build and types; throws MismatchError, and then they leave too.
  Master(transport::Relay& transport, const Host& host, const detail::Program& program,
         const Options& options);

  // Whether a safe point has thrown Leave: the run is over, whatever the program makes of that.
  [[nodiscard]] bool has_left() const { return left_; }
  [[nodiscard]] int leave_status() const;
  // That the program has caught it.
  void tell_caught_leave() const;
  // Whether all ranks can write where checkpoints will go: better now than when the first one is due. Throws CheckpointError if
  // no place will do; tells of one of two.
  void check_places();
  // With --rondo-check: tells what it has found, and gives the status of the run: not 0 if there was a difference.
  [[nodiscard]] int end_check(int status) const;
  // Tells every worker to stop, and waits until nothing is on the way any more.
  void close(std::int32_t status);

  const std::vector<StateId>& ids() const override { return ids_; }
  std::size_t workers() const override { return workers_alive(); }
  void reset(std::size_t count, const Pack& pack) override;
  void hint(std::span<const double> seconds) override;
  void update(Bytes shared, const Pack& own, const Take& output) override;
  void evolve(const Rounds& rounds) override;
  void resample(std::span<const std::uint32_t> offspring) override;
  void share(Bytes context) override;
  void fetch(std::span<const std::size_t> positions, const Take& state) override;
  Profile profile() override;
  void checkpoint(const std::string& path, Bytes program) override;
  bool restore(const std::string& path, const TakeBytes& program) override;
  bool resume(const TakeBytes& program) override;
  void safe_point(Bytes program) override;
  void post(detail::Task task) override;
  [[nodiscard]] std::uint64_t new_poster() override { return posters_++; }
  void serve(const std::function<bool()>& ended) override;
  void wake() override;
  std::size_t rounds_ahead() const override { return options_.rounds_ahead; }
  std::uint64_t seed() const override { return seed_; }
  Random& random() override { return random_; }

 private:
  using Output = std::function<void(std::uint32_t round, std::size_t position, Bytes bytes)>;
  // What a call brings, for as long as it runs.
  struct Running {
    messages::CallHeader call{};
    Bytes shared;  // input of round 0, if the assignments carry it
    const Pack* own = nullptr;
    Output output;
    std::function<void(std::uint32_t round)> complete;
    std::vector<bool> begun;  // per worker
    std::vector<UpdateFailure> failures;
    std::optional<CheckError> difference;  // the first one: by round, then by state
    std::exception_ptr exception;          // of the program's own functions
    std::vector<UpdateFailure>
        failures_here;  // outputs that could not be unpacked, inputs that could not be packed
    [[nodiscard]] bool failed_here() const { return exception != nullptr || !failures_here.empty(); }
    bool cancelled = false;
    bool ended = false;
    std::uint64_t rounds_before = 0;  // of an evolve() that is cut into calls
    Pack recorded;                    // own inputs, from the history
  };
  struct Seen {  // of a worker, for the report of a stall
    double heard = 0;
    std::optional<messages::Condition> answer;  // to the last question
  };

  // A checkpoint that is being written, to one place or two. It is complete if one of them has all of it.
  struct SavingPlace {
    checkpoint::Path root;  // empty: there is no such place
    std::string error;      // the first
    bool begun = false;     // what is there under the checkpoint's number is this one's
  };
  struct Saving {
    std::array<SavingPlace, 2> places;
    std::uint64_t sequence = 0;
    checkpoint::Manifest manifest;
    std::size_t missing = 0;  // parts
    double began = 0;
  };
  // Where a restore looks, and what it has found there.
  struct Root {
    explicit Root(checkpoint::Path its_path) : path(std::move(its_path)) {}
    checkpoint::Path path;
    std::uint64_t before = std::numeric_limits<std::uint64_t>::max();  // the numbers that are left
    std::optional<checkpoint::Checkpoint> found;
    bool ever_complete = false;
    bool is_foreign = false;  // it belongs to another user, among folders that users share
  };
  // A part that is being read.
  struct Load {
    std::vector<Slot> slots;
    Buffer message;
    std::uint32_t attempts = 0;
    std::string error;
    bool ended = false;
  };
  struct Posted {
    detail::Task task;
    scheduler::Worker worker;
  };
  // Workers that are asked for a part before it counts as lost: all of a small run, some of every node of a big one.
  static constexpr std::uint32_t kLoadAttempts = 256;

  [[nodiscard]] Rank rank_of(scheduler::Worker worker) const;
  [[nodiscard]] scheduler::Worker worker_of(Rank rank) const;
  void send(Rank to, Buffer message);
  void send_all(const Buffer& message);
  void send_tree(const Buffer& message);
  template <class Done>
  void run_until(const Done& done);
  void dispatch(transport::Envelope envelope);
  void take(Rank from, const messages::Hello& hello);
  void take(Rank from, const messages::Closed& closed);
  void take(Rank from, const messages::Fetched& fetched);
  void take(Rank from, const messages::Report& report);
  void take(Rank from, const messages::Gave& gave);
  void take(Rank from, const messages::Failed& failed);
  void take(Rank from, const messages::Differs& differs);
  void take(Rank from, const messages::Stopped& stopped);
  void take(Rank from, const messages::TasksDone& done);
  void take(Rank from, const messages::Tried& tried);
  void take(Rank from, const messages::Saved& saved);
  void take(Rank from, const messages::Loaded& loaded);
  void take(Rank from, const messages::Signal& signal);
  void take(Rank from, const messages::Status& status);
  void take(Rank from, const messages::Counted& counted);
  void take(Rank from, const messages::BackedUp& backed_up);
  void take(Rank from, const messages::Census& census);
  void or_end(const std::function<void()>& work);
  void handshake(const detail::Program& program);
  [[nodiscard]] bool all_greeted() const;
  [[nodiscard]] std::uint32_t workers_on(const std::string& node) const;
  [[nodiscard]] transport::RelayPlan plan_relay(transport::Seconds handshake) const;

  void drop_all();
  void place(const std::vector<scheduler::Worker>& owners, const Pack& pack);
  void update_once(Bytes shared, const Pack& own, const Take& output);
  void run_call(Running& running, std::uint32_t rounds, std::size_t batch_most,
                const std::function<void()>& feed);
  [[nodiscard]] std::uint64_t rounds_per_call() const;
  void evolve_part(const Rounds& rounds, std::uint64_t before, bool& exhausted);
  void send_input(std::uint64_t epoch, std::uint32_t round, std::uint32_t complete, Bytes input);
  void on(const scheduler::Event& event);
  void perform(const scheduler::command::Move& move);
  void perform(const scheduler::command::Assign& assign);
  [[nodiscard]] std::size_t pack_inputs(std::span<const Slot> slots, Buffer& inputs);
  [[nodiscard]] std::vector<scheduler::Job> jobs_of(std::span<const Slot> slots) const;
  void perform(const scheduler::command::Give& give);
  void perform(const scheduler::command::Complete& complete);
  void perform(const scheduler::command::Stop& stop);
  void perform(const scheduler::command::End& end);
  void guard(const std::function<void()>& users_code);
  void hand_out();
  void write_checkpoint(const std::string& path, Bytes program);
  void begin_saving(const std::string& path, Bytes program);
  void complete_saving();
  void finish_saving();
  void tell_saving_error();
  void commit(const checkpoint::Path& root, const Saving& saving);
  [[nodiscard]] bool is_news(const std::string& failure);
  void set_end(double now);
  [[nodiscard]] std::string folder(const std::string& path) const;
  void publish_end();
  [[nodiscard]] std::vector<checkpoint::Path> roots(const std::string& path) const;
  [[nodiscard]] bool has_copy(const std::string& path) const;
  [[nodiscard]] std::vector<Root> roots_to_read(const std::string& path, std::string& refusals);
  void search(Root& root, std::string& refusals);
  void check_arguments(const checkpoint::Checkpoint& checkpoint);
  void tell_of_copies_in(const std::string& path);
  void tell_of_newer_copies(const std::vector<Root>& roots, std::uint64_t run);
  [[nodiscard]] std::uint64_t type_hash();
  [[nodiscard]] std::string load(const checkpoint::Checkpoint& checkpoint);
  [[nodiscard]] std::string load_once(const checkpoint::Checkpoint& checkpoint);
  void load_part(Load& load, std::uint64_t number);
  [[nodiscard]] bool checkpoint_due() const;
  void heed(StopRequest request);
  void watch_time();
  [[nodiscard]] double seconds_left() const;
  void require_idle() const;
  void update_ids();
  [[nodiscard]] double watch_stall();
  [[nodiscard]] double stall_patience(double now);

  [[nodiscard]] bool alive(scheduler::Worker worker) const { return !peers_.lost[index(worker)]; }
  [[nodiscard]] std::size_t workers_alive() const { return peers_.alive(); }
  void await(Kind kind);
  // Whether it has come for the first time since await(). An answer to a question that was given up, as of a call that lost
  // its workers, may come at any time later.
  bool count_answer(Rank from, Kind kind);
  [[nodiscard]] bool all_answered() const;
  void require_workers() const;
  // `work` says whether it has placed all states.
  void until_placed(const std::function<bool()>& work);
  void record_call(Running& running, std::uint32_t rounds);
  void end_record(const Running& running);
  void begin_backup(recovery::ReplayLog::Bases bases);
  void complete_backup();
  [[nodiscard]] double watch_silence();
  void lose(const std::vector<scheduler::Worker>& silent);
  void finish_recovery();
  [[nodiscard]] bool in_call() const { return running_ != nullptr && !serving_; }
  [[nodiscard]] recovery::RecoveryPlan find_states(const recovery::Census& census) const;
  void resume_call(const std::vector<scheduler::Command>& commands);
  [[nodiscard]] scheduler::Worker least_busy() const;
  void resume_tasks();
  void abandon_saving();
  // "ranks 3, 5"
  [[nodiscard]] std::string names_of(const std::vector<scheduler::Worker>& workers) const;
  [[noreturn]] void throw_lost(const std::vector<scheduler::Worker>& lost, std::size_t states);
  [[noreturn]] void leave_at_once(int status);
  void require_going();
  void speak();
  void request(std::span<const StateId> ids);
  void send_tasks(scheduler::Worker worker, std::span<const std::uint64_t> numbers);
  [[nodiscard]] std::string activity() const;
  void tell_stall() const;

  transport::Relay& transport_;
  const Host host_;
  checkpoint::Storage& storage_;
  const Options options_;
  const detail::Program& program_;
  std::optional<std::uint64_t> type_hash_;  // once it is needed
  const std::uint32_t workers_;
  scheduler::Scheduler scheduler_;
  WorkerSettings worker_settings_;
  std::optional<Worker> own_worker_;        // with --rondo-master-works
  std::vector<transport::Envelope> early_;  // for that one, before it is there

  std::vector<StateId> ids_;
  std::uint64_t next_id_ = 0;
  std::uint64_t round_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t generation_ = 0;
  std::uint64_t context_ = 0;
  Buffer context_bytes_;  // for checkpoints
  std::uint64_t seed_ = 0;
  Random random_;  // of the program's main
  std::set<std::string> node_names_{host_.platform.node_name()};
  Running* running_ = nullptr;

  struct Fetching {
    std::uint64_t request = 0;
    std::size_t missing = 0;
    const Take* take = nullptr;
    std::set<StateId> outstanding;  // if workers may be lost
    std::vector<UpdateFailure> failures;
  };
  Fetching fetching_;
  std::uint64_t requests_ = 0;
  std::mutex posts_mutex_;
  std::deque<detail::Task> posted_;  // under the mutex, as is the next one
  bool serving_ = false;
  std::map<std::uint64_t, Posted> tasks_;  // at the workers, by number
  bool tasks_cancelled_ = false;
  std::vector<std::size_t> task_load_;  // per worker
  std::uint64_t next_task_ = 0;
  std::uint64_t posters_ = 0;  // since the last serve()
  double task_seconds_ = 0;    // of one task, lately

  // Says which checkpoints in a folder that runs share are this one's; in no result.
  std::uint64_t run_ = 0;
  std::optional<Saving> saving_;
  bool abandoned_ = false;           // because of a loss: the next one is due
  std::uint64_t sequence_last_ = 0;  // of the last one that began, whatever is on the disk by now
  // In --rondo-checkpoint: the last there when this run began, or of its own since; a higher one is another run's. Nothing:
  // that could not be seen.
  std::optional<std::uint64_t> place_last_;
  bool saved_here_ = false;          // one is complete that was not when the run began
  std::vector<std::string> trials_;  // per place: the first refusal
  std::string saving_error_;         // of the last one, not told yet
  std::string told_failure_;         // the last that was told, if nothing has gone well since
  double saving_cost_ = 0;           // seconds; 0: not known
  double saved_at_ = 0;              // or when the run began
  StopRequest stop_request_ = StopRequest::kNone;
  double leave_by_ = std::numeric_limits<double>::infinity();  // in a round or not
  Walltime walltime_;
  bool closing_ = false;
  bool left_ = false;
  double speak_at_ = 0;
  double step_time_ = 0;  // of the longest step lately: a call, or all from one safe point to the next
  double safe_at_ = 0;    // the last safe point; 0: none yet
  std::uint64_t saved_round_ = 0;
  std::map<std::uint64_t, Load> loads_;  // by part
  Kind awaited_ = Kind::kHello;          // what all workers are to answer with
  std::set<Rank> answered_;              // by whom it has come
  std::vector<std::string> greetings_;
  std::vector<std::string> nodes_;  // by rank
  std::vector<Seen> seen_;
  double last_progress_ = 0;  // when something last went on
  double told_ = 0;           // when the last stall was told
  double asked_ = 0;          // when the workers were asked what they do; 0: they have answered
  double watched_at_ = 0;     // when all this was last looked at

  // --rondo-recover
  recovery::Workers peers_;
  recovery::FailureDetector detector_;
  recovery::ReplayLog replay_log_;
  recovery::Outputs outputs_;                // of the running call
  std::optional<recovery::Backup> backup_;   // the last complete one
  std::optional<recovery::Backup> backing_;  // the next one
  std::uint64_t backups_ = 0;
  std::uint64_t backup_round_ = 0;
  std::optional<recovery::Census> census_;  // from a loss until it is known what is left
  std::uint64_t losses_ = 0;
  bool welcomed_ = false;
  bool placing_ = false;  // states come from the program or from a checkpoint: after a loss they come again
  bool again_ = false;

  Profile profile_;
  double longest_ = 0;          // update of the call
  std::size_t input_most_ = 0;  // bytes of the biggest own input so far
  bool differs_ = false;        // --rondo-check has found something
};

}  // namespace rondo::engine
