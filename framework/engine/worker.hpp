// A worker: holds states, updates them, gives them away and takes them in.
//
// Two threads: the one that communicates owns the Worker and calls handle() and poll(); another one only computes, and an
// Executor runs it. So a state can leave while another one is inside a long update. The two share what stands under `mutex_`.
//
// Anything asked of a state that is still on its way here waits for it: moves and copies are sent without a round trip.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <rondo/detail/program.hpp>
#include <rondo/detail/schema.hpp>

#include "checkpoint/part_reader.hpp"
#include "checkpoint/storage.hpp"
#include "engine/executor.hpp"
#include "engine/host.hpp"
#include "engine/messages.hpp"
#include "engine/processor_time.hpp"
#include "engine/saver.hpp"
#include "engine/state_copies.hpp"
#include "recovery/copies.hpp"
#include "scheduler/reporting.hpp"
#include "scheduler/work_queue.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

class Worker final : private Executor::Work {
 public:
  // Starts the computing thread; throws Error if there is none left. The transport and what the host names outlive the worker.
  Worker(transport::Transport& transport, const Host& host, std::unique_ptr<detail::Kernel> kernel,
         const WorkerSettings& settings);
  // Waits for the running update, if any, and drops what is left.
  ~Worker() override;

  // Takes in a message. Throws what the user's code throws when it packs or unpacks, and Error for what is no message.
  void handle(transport::Envelope envelope);
  // Sends what is due. To be called after every wait.
  void poll();
  // How long poll() has nothing to do, if nothing happens.
  [[nodiscard]] transport::Seconds patience() const;

  // Set once the master has said that the run is over.
  [[nodiscard]] const std::optional<std::int32_t>& exit_status() const { return exit_status_; }
  // Whether it has said so to this worker because it counts as lost, or to all because the run ends at once.
  [[nodiscard]] bool dismissed() const { return dismissed_; }

 private:
  using Job = scheduler::Job;

  // What to do with a state as soon as it is here.
  struct Send {
    Rank to;
  };
  struct Multiply {
    std::vector<messages::Share> shares;
  };
  struct Fetch {
    std::uint64_t request;
  };
  struct Save {
    double cost;
  };
  struct BackUp {
    std::uint64_t number;
    Rank to;
  };
  using Order = std::variant<Send, Multiply, Fetch, Save, BackUp>;
  // Whether no job may run before it is carried out.
  [[nodiscard]] static bool comes_first(const Order& order) {
    return std::holds_alternative<Send>(order) || std::holds_alternative<Multiply>(order) ||
           std::holds_alternative<BackUp>(order);
  }

  struct Entry {
    detail::Object state{nullptr, nullptr};  // null: on its way
    std::shared_ptr<const Buffer> message;   // holds the job's own input
    Bytes own_input;
    std::vector<Order> orders;  // wait for the state
    bool held = false;          // an order that comes first waits for room
    std::uint64_t epoch = 0;    // of its last job
    std::uint32_t rounds = 0;   // done in that call
    [[nodiscard]] bool here() const { return state != nullptr && !held; }
  };
  struct Task {
    std::uint64_t number;
    std::uint64_t key;
    std::uint64_t round;
    std::uint64_t seed;
    std::shared_ptr<const Buffer> message;  // holds the input
    Bytes input;
  };
  struct TaskResult {
    std::uint64_t number;
    double seconds;
    messages::TaskStatus status;
    Buffer output;
  };
  // An input that all states share; one that cannot be unpacked fails the updates that want it.
  struct SharedInput {
    detail::Object value{nullptr, nullptr};
    std::optional<std::string> error;
  };
  // Updates that are done and not reported.
  struct Results {
    std::vector<scheduler::Done> jobs;
    std::vector<std::uint64_t> sizes;  // of the outputs, which stand one after the other
    Buffer outputs;
    double processor_time = 0;  // seconds of the thread that computes
    [[nodiscard]] bool empty() const { return jobs.empty(); }
    void clear() {
      jobs.clear();
      processor_time = 0;
      sizes.clear();
      outputs.clear();
    }
  };
  // A part of a checkpoint that is being read.
  struct Loading {
    messages::Load order;
    std::optional<checkpoint::PartReader> part;
    detail::Schema schema;  // of the part's states
    std::size_t next = 0;   // of the order's targets
    std::vector<std::uint64_t> sizes;
    std::string error;
  };
  // The copy of a state, in a message or in memory of its own.
  struct Copy {
    std::shared_ptr<const Buffer> holder;
    Bytes bytes;
  };
  // Lost states that are being restored.
  struct Replay {
    transport::Envelope envelope;  // holds what the message shows
    messages::Replay message;
    std::vector<std::pair<StateId, Copy>> copies;
  };
  using States = std::unordered_map<StateId, detail::Object>;
  // What the computing thread has taken up, with what it needs for that and what came of it. Used by that thread only.
  enum class Piece : std::uint8_t { kNone, kUpdate, kTask, kReplay };
  struct Updating {
    Job job{};
    Entry* entry = nullptr;
    const SharedInput* shared = nullptr;  // null: the job has its own
    detail::CallInfo call{};
    scheduler::Time start{0}, end{0};
    detail::Object before{nullptr, nullptr};  // with rollback, if it has failed: the state as it was
    Buffer memory;                            // for that
    std::optional<std::string> failure;
    std::optional<std::uint64_t> difference;  // that --rondo-check has found
    Buffer output;
  };
  struct RunningTask {
    Task task;
    TaskResult result;
    transport::Seconds start{0};
  };
  struct RunningReplay {
    Replay all;
    States states;
    std::optional<std::string> error;
  };
  struct PendingOrder {
    StateId state;
    Order order;
  };

  // Messages, by kind; with their envelope those that are kept, or whose bytes are.
  void take(const messages::DropAll& drop);
  void take(const messages::Place& place);
  void take(const messages::Resample& resample);
  void take(const messages::Fetch& fetch);
  void take(const messages::Transfer& transfer);
  void take(const messages::States& states, transport::Envelope& envelope);
  void take(const messages::Context& context, transport::Envelope& envelope);
  void take(const messages::Input& input, transport::Envelope& envelope);
  void take(const messages::Assign& assign, transport::Envelope& envelope);
  void take(const messages::Give& give);
  void take(const messages::Stop& stop);
  void take(const messages::Tasks& tasks, transport::Envelope& envelope);
  void take(const messages::CancelTasks& cancel);
  void take(const messages::Try& trial);
  void take(const messages::Save& save);
  void take(const messages::Load& load);
  void take(const messages::Ping& ping);
  void take(const messages::Count& count);
  void take(const messages::BackUp& back_up);
  void take(const messages::Copies& copies, transport::Envelope& envelope);
  void take(const messages::BackupDone& done);
  void take(const messages::Lost& lost);
  void take(const messages::Resume& resume);
  void take(const messages::Replay& replay, transport::Envelope& envelope);
  void take(const messages::Close& close);
  void take(const messages::Exit& exit);
  void take(const messages::Leave& leave);

  void keep_input(const messages::Input& input, transport::Envelope& envelope);
  void take_early();
  void copy_out(StateId id, const BackUp& order);
  void send_census();
  void stop_replay();
  void take_replayed();
  void send_task_results();

  void begin(const messages::CallHeader& call);
  [[nodiscard]] SharedInput unpack_input(Bytes bytes) const;
  [[nodiscard]] detail::Object unpack_state(StateId id, Bytes bytes) const;
  // `packed` are the state's bytes, if they are known.
  [[nodiscard]] std::vector<detail::Object> copies(StateId id, const void* state, std::size_t count,
                                                   Bytes packed = {}) const;
  void open_rounds();
  void plan();
  void arrive(StateId id, detail::Object state);
  void order(StateId id, Order order);
  void proceed(StateId id);
  void carry_out(StateId id, const Order& order);
  void multiply(StateId parent, const std::vector<messages::Share>& shares);
  void pack_fetched(StateId id, std::uint64_t request);
  void pack_for_saver(StateId id, double cost);
  void tell_saved();
  void load_some();
  void load_state(Loading& loading);
  // `id` is the state's own, where the parcel is of its children.
  void send_state(StateId id, Rank to, const messages::Parcel& parcel, const void* state, Bytes own_input);
  void send_packed(Rank to, const messages::Parcel& parcel, Bytes packed, Bytes own_input);
  template <class Put>
  void send_parcel(Rank to, const messages::Parcel& parcel, Bytes own_input, const Put& put);
  [[nodiscard]] bool has_room(StateId id, const Order& order);
  [[nodiscard]] bool has_room_to_save(StateId id);
  void flush_outgoing();
  void forward(Bytes whole);
  [[nodiscard]] scheduler::Seconds report_period() const;
  [[nodiscard]] scheduler::Seconds low(scheduler::Time now) const;
  [[nodiscard]] bool late(scheduler::Time now) const;
  void report();

  // The computing thread.
  bool next() override;
  void run() override;
  [[nodiscard]] bool end_piece();
  [[nodiscard]] Piece take_piece();
  void begin_update(const Job& job);
  void run_update();
  [[nodiscard]] bool end_update();
  [[nodiscard]] detail::Object restored(Snapshot& before, std::string& failure) const;
  void run_task();
  [[nodiscard]] bool end_task();
  void run_replay();
  void end_replay();
  void replay(const Replay& all, States& states);
  void replay_rounds(const messages::Replay::Rounds& rounds, States& states, bool context_good);
  void replay_family(const messages::Replay::Family& family, States& states);

  transport::Transport& transport_;
  checkpoint::Storage& storage_;
  Platform& platform_;
  std::unique_ptr<detail::Kernel> kernel_;
  const WorkerSettings settings_;

  // Only the communicating thread uses these.
  std::uint64_t generation_ = 0;
  std::uint64_t context_version_ = 0;
  std::vector<transport::Envelope> early_inputs_;
  std::optional<std::string>
      context_error_;  // why it could not be unpacked; read by the computing thread in calls only
  std::vector<transport::Envelope> early_;     // of a call or a generation that has not begun here
  std::deque<PendingOrder> postponed_;         // until less is unsent
  std::unordered_map<Rank, Buffer> outgoing_;  // kStates messages being filled
  std::optional<Buffer> fetched_;              // a kFetched message being filled
  std::uint64_t fetched_request_ = 0;
  CopyMemory copy_memory_;
  std::optional<Saver> saver_;
  std::uint64_t saving_sequence_ = 0;
  detail::Recorder recorder_;  // of what is packed for the saver
  std::deque<Loading> loading_;
  messages::WorkerCounters counters_;
  std::set<Rank> lost_;
  std::uint64_t loss_ = 0;  // number of the last one
  recovery::Copies<Copy> copies_;
  std::unordered_map<Rank, Buffer> copies_out_;      // kCopies messages being filled
  std::vector<transport::Envelope> early_contexts_;  // until a replay has ended
  Buffer context_;                                   // packed, if workers may be lost
  bool dismissed_ = false;
  bool closed_ = false;   // nothing more is asked
  bool closing_ = false;  // and that has not been answered yet
  std::optional<std::int32_t> exit_status_;
  Results sent_;  // keeps its memory for the next report

  // Only the computing thread uses these.
  UpdateMeter meter_;
  Piece piece_ = Piece::kNone;
  Updating update_;
  RunningTask task_;
  RunningReplay replay_piece_;

  // Shared by the two threads.
  mutable std::mutex mutex_;
  std::unordered_map<StateId, Entry> states_;  // changed by the communicating thread only
  scheduler::WorkQueue queue_;
  messages::CallHeader call_{};
  std::deque<SharedInput> inputs_;  // from round inputs_from_ on
  std::uint32_t inputs_from_ = 0;
  Results done_;
  std::vector<Buffer> failures_;  // messages
  scheduler::Time began_{0};      // the call
  scheduler::Time last_report_{0};
  scheduler::Time reported_finish_{0};  // when it would end, by what it has told last
  scheduler::Seconds planned_{0};       // what it had to do when it was told last, as far as costs are known
  std::deque<Task> tasks_;
  std::vector<TaskResult> task_results_;
  transport::Seconds first_task_done_{0};
  bool tasks_due_ = false;
  std::size_t unsaved_ = 0;  // states that a checkpoint still wants to see as they are
  bool report_due_ = false;
  bool low_told_ = false;
  bool more_follow_ = false;  // jobs of the assignment that is here in part: it asks for none of others
  bool stopping_ = false;
  bool computing_ = false;
  bool leaving_ = false;
  bool census_due_ = false;  // nothing starts until the master has counted what is left
  std::optional<Replay> replay_;
  bool replaying_ = false;
  std::atomic<bool> replay_stopped_{false};
  States replayed_;
  std::optional<std::string> replay_error_;

  std::unique_ptr<Executor> executor_;  // last: it uses all the others
};

}  // namespace rondo::engine
