// The limits of checkpoints, from the option to the disk: how many are kept, and how much memory waits to be written.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "checkpoint/catalog.hpp"
#include "engine/command_line.hpp"
#include "engine/options.hpp"
#include "engine/session.hpp"
#include "journey.hpp"
#include "locked_storage.hpp"
#include "memory_storage.hpp"
#include "run_on_storage.hpp"

namespace rondo::test {
namespace {

constexpr const char* kPlace = "checkpoints";
constexpr const char* kCopy = "second";

// What a program that is started with these options has.
engine::Options options_of(std::vector<std::string> arguments) {
  arguments.push_back("--rondo-checkpoint=" + std::string(kPlace));
  CommandLine line(std::move(arguments));
  return engine::take_options(line.argc, line.argv()).value();
}

// A storage that looks around after each name that changes, and before each write.
class Watched final : public checkpoint::Storage {
 public:
  Watched(checkpoint::Storage& inner, std::function<void()> names,
          std::function<void(const Path&, std::size_t)> write)
      : inner_(inner), names_(std::move(names)), write_(std::move(write)) {}

  bool create_folder(const Path& folder) override { return inner_.create_folder(folder); }
  void sync_folder(const Path& folder) override { inner_.sync_folder(folder); }
  std::vector<std::string> list(const Path& folder) override { return inner_.list(folder); }
  std::unique_ptr<checkpoint::OutputFile> create(const Path& file) override {
    return std::make_unique<Output>(*this, file, inner_.create(file));
  }
  std::unique_ptr<checkpoint::InputFile> open(const Path& file) override { return inner_.open(file); }
  void rename(const Path& from, const Path& to) override {
    inner_.rename(from, to);
    names_();
  }
  void remove(const Path& path) override {
    inner_.remove(path);
    names_();
  }

 private:
  class Output final : public checkpoint::OutputFile {
   public:
    Output(Watched& all, Path path, std::unique_ptr<OutputFile> inner)
        : all_(all), path_(std::move(path)), inner_(std::move(inner)) {}
    std::size_t write(Bytes bytes) override {
      all_.write_(path_, bytes.size());
      return inner_->write(bytes);
    }
    void sync() override { inner_->sync(); }
    void close() override { inner_->close(); }

   private:
    Watched& all_;
    Path path_;
    std::unique_ptr<OutputFile> inner_;
  };

  checkpoint::Storage& inner_;
  std::function<void()> names_;
  std::function<void(const Path&, std::size_t)> write_;
};

std::size_t complete_in(checkpoint::Storage& storage, const Path& root) {
  std::size_t complete = 0;
  for (const std::uint64_t sequence : checkpoint::sequences(storage, root)) {
    const auto names = storage.list(checkpoint::checkpoint_folder(root, sequence));
    if (std::ranges::count(names, "manifest") != 0) ++complete;
  }
  return complete;
}

class Keep : public testing::TestWithParam<std::size_t> {};

TEST_P(Keep, AsManyCheckpointsAsTheOptionSaysInEachPlaceAndNeverMoreThanOneBesides) {
  checkpoint::MemoryStorage disk;
  LockedStorage locked(disk);
  std::atomic<std::size_t> most = 0;
  std::vector<Path> roots = {Path(kPlace)};
  const auto look = [&] {
    for (const Path& root : roots) most = std::max(most.load(), complete_in(locked, root));
  };
  Watched watched(locked, look, [](const Path&, std::size_t) {});
  const engine::Options options =
      options_of({"--rondo-workers=2", "--rondo-keep=" + std::to_string(GetParam()),
                  "--rondo-checkpoint-copy=" + std::string(kCopy), "--rondo-checkpoint-every=1r"});
  EXPECT_EQ(run_on(watched, options,
                   [&](Master<Walker>& master) {
                     Progress progress;
                     master.reset(Journey::start(6));
                     Journey journey(master, progress, 0);
                     for (; progress.step < 12; ++progress.step) {
                       if (progress.step % 2 == 0)
                         master.safe_point(progress);  // one that is written beside the rounds
                       journey.step();
                       if (progress.step % 2 == 1) master.checkpoint(kPlace, progress);
                       if (progress.step < 2 * GetParam()) continue;
                       for (const Path& root : roots)
                         EXPECT_EQ(complete_in(locked, root), GetParam()) << root;
                       if (roots.size() == 1)
                         roots.push_back(checkpoint::list_shared(locked, kCopy, kPlace).of_own.at(0));
                     }
                   }),
            0);
  for (const Path& root : roots) EXPECT_EQ(checkpoint::sequences(disk, root).size(), GetParam()) << root;
  EXPECT_EQ(most, GetParam() + 1);
}

INSTANTIATE_TEST_SUITE_P(Limits, Keep, testing::Values(1, 2, 3));

// ---- the copies of states that wait for the disk

constexpr std::size_t kSize = 400'000;  // of a state; more than the block in which small ones are gathered
constexpr std::size_t kStates = 12;

std::atomic<std::size_t> packed = 0;   // bytes of states
std::atomic<std::size_t> written = 0;  // of them
std::atomic<std::size_t> waiting_most = 0;

struct Heavy {
  std::vector<char> bytes = std::vector<char>(kSize);
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& bytes;
  }
};

class Kernel final : public detail::Kernel {
 public:
  explicit Kernel(std::unique_ptr<detail::Kernel> inner) : inner_(std::move(inner)) {}
  detail::Object make_state() const override { return inner_->make_state(); }
  detail::Object unpack_state(Bytes bytes) const override { return inner_->unpack_state(bytes); }
  detail::Object copy_state(const void* state) const override { return inner_->copy_state(state); }
  std::size_t packed_size(const void* state) const override { return inner_->packed_size(state); }
  void pack_state(const void* state, Buffer& out) const override { inner_->pack_state(state, out); }
  void save_state(const void* state, Buffer& out, detail::Recorder& recorder) const override {
    inner_->save_state(state, out, recorder);
    packed += out.size();
    waiting_most = std::max(waiting_most.load(), packed - written);
  }
  detail::Object load_state(Bytes bytes, const detail::Schema& schema) const override {
    return inner_->load_state(bytes, schema);
  }
  detail::Object unpack_input(Bytes bytes) const override { return inner_->unpack_input(bytes); }
  void set_context(Bytes bytes) override { inner_->set_context(bytes); }
  void update(void* state, const void* input, Bytes bytes, const detail::CallInfo& call,
              Buffer& out) override {
    inner_->update(state, input, bytes, call, out);
  }

 private:
  std::unique_ptr<detail::Kernel> inner_;
};

class Carry : public Update<Heavy, int, int> {
 public:
  int update(Heavy&, const int& input, const Call&) override { return input; }
};

// The worker writes nothing before it has packed all or has no room for more, so what waits as its first write begins is as
// much as ever waits, whatever the speed of the disk.
std::size_t waiting_most_with(const std::string& limit) {
  packed = written = waiting_most = 0;
  checkpoint::MemoryStorage disk;
  LockedStorage locked(disk);
  Watched watched(
      locked, [] {},
      [](const Path& file, std::size_t size) {
        if (file.name() == "part-00000.tmp" && size >= kSize) written += size;
      });
  const engine::Options options = options_of({"--rondo-workers=1", "--rondo-checkpoint-memory=" + limit});
  const engine::Host host{watched, [](int status) { std::_Exit(status); }};
  detail::Program program = detail::make_program<Carry>([] { return Carry(); });
  program.make_kernel = [inner = program.make_kernel] { return std::make_unique<Kernel>(inner()); };
  EXPECT_EQ(engine::run_threads(host, program, options, detail::erase_main<Carry>([](Master<Carry>& master) {
                                  master.reset(std::vector<Heavy>(kStates));
                                  for (int i = 0; i < 2; ++i) {
                                    packed = written = 0;
                                    master.checkpoint(kPlace);
                                  }
                                })),
            0);
  EXPECT_GE(written, kStates * kSize);
  return waiting_most;
}

TEST(CheckpointMemory, NoMoreCopiesWaitThanTheOptionSays) {
  const std::size_t all = waiting_most_with("1G");
  EXPECT_GE(all, kStates * kSize);
  for (const std::size_t states : {2, 5}) {
    const std::size_t limit = states * kSize + kSize / 2;
    const std::size_t most = waiting_most_with(std::to_string(limit));
    EXPECT_LE(most, limit);
    EXPECT_GE(most, states * kSize) << "the memory that is allowed is used";
  }
  EXPECT_LT(waiting_most_with("1"), 2 * kSize) << "one that is bigger is copied alone";
}

}  // namespace
}  // namespace rondo::test
