// States whose values are deep inside of each other: lists of which each node serializes the next. They work up to the limit
// of the archives, whatever the stack of the thread; deeper ones are told by name.
#include <gtest/gtest.h>
#include <pthread.h>

#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "resilience/temporary_folder.hpp"

namespace rondo::test {
namespace {

#ifdef __SANITIZE_THREAD__
constexpr int kLong = 1'000;  // the sanitizer takes 100 kB and a millisecond for each
#else
constexpr int kLong = 10'000;
#endif
constexpr int kTooLong = 1'000'000;
static_assert(kLong < detail::kDepthMost && detail::kDepthMost < kTooLong);

struct Node {
  int number = 0;
  std::unique_ptr<Node> next;

  Node() = default;
  Node(Node&&) = default;
  Node& operator=(Node&&) = default;
  // not one inside of the other
  ~Node() {
    while (next) next = std::move(next->next);
  }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& number& next;
  }

  void resize(int count) {
    Node* node = this;
    for (int i = 1; i < count; ++i, node = node->next.get()) {
      if (!node->next) node->next = std::make_unique<Node>();
      node->next->number = i;
    }
    node->next.reset();
  }
  // The number of nodes; -1 if one has not its number.
  [[nodiscard]] int size() const {
    int count = 0;
    for (const Node* node = this; node != nullptr; node = node->next.get(), ++count)
      if (node->number != count) return -1;
    return count;
  }
};

// Makes a list as long as its input says, and tells how long it is.
class Grow : public Update<Node, int, int> {
 public:
  int update(Node& state, const int& input, const Call&) override {
    if (input > 0) state.resize(input);
    return state.size();
  }
};

std::vector<int> sizes(const std::vector<Node>& lists) {
  std::vector<int> all;
  for (const Node& list : lists) all.push_back(list.size());
  return all;
}

TEST(DeepStates, WorkInEveryCall) {
  TemporaryFolder folder;
  EXPECT_EQ(0, run_with<Grow>({"--rondo-workers=3", "--rondo-rollback"}, [&](Master<Grow>& master) {
              std::vector<Node> lists(2);
              lists[1].resize(kLong);
              master.reset(std::move(lists));
              const std::vector<int> longer{kLong - 1, kLong + 1};
              EXPECT_EQ(master.update(longer), longer);
              master.resample(std::vector<std::uint32_t>{0, 3});
              EXPECT_EQ(master.update(0), std::vector<int>(3, kLong + 1));
              master.checkpoint(folder / "c");
              EXPECT_TRUE(master.restore(folder / "c"));
              EXPECT_EQ(sizes(master.states()), std::vector<int>(3, kLong + 1));
            }));
}

template <class Error, class Call>
void expect_told(const std::string& name, const Call& call) {
  try {
    call();
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(name), std::string::npos) << text;
    EXPECT_NE(text.find("is inside of more than 100000 other values"), std::string::npos) << text;
    EXPECT_NE(text.find("let serialize() go along such a chain in a loop"), std::string::npos) << text;
  }
}

#ifndef __SANITIZE_THREAD__
TEST(DeepStates, ThatAreTooDeepAreToldByNameAndDoNoHarm) {
  TemporaryFolder folder;
  EXPECT_EQ(0, run_with<Grow>({"--rondo-workers=3"}, [&](Master<Grow>& master) {
              std::vector<Node> lists(3);
              lists[1].resize(kTooLong);
              expect_told<Error>("state 1 of those given to reset() cannot be packed",
                                 [&] { master.reset(std::move(lists)); });
              const std::vector<StateId> ids = master.reset(std::vector<Node>(3));
              std::vector<int> inputs{2, 3, kTooLong};
              EXPECT_EQ(master.update(inputs), inputs);
              const std::string name = "state " + std::to_string(value(ids[2]));
              expect_told<UpdateError>(name, [&] { (void)master.state(ids[2]); });
              expect_told<CheckpointError>(name, [&] { master.checkpoint(folder / "c"); });
              inputs[2] = 4;
              EXPECT_EQ(master.update(inputs), inputs);
              EXPECT_EQ(sizes(master.states()), inputs);
            }));
}

#endif

// ---- any stack

void round_trip(int count) {
  Node list;
  list.resize(count);
  Buffer bytes;
  pack(list, bytes);
  Node back;
  unpack(bytes, back);
  EXPECT_EQ(back.size(), count);
}

TEST(DeepStates, WorkOnAThreadWithALittleStack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 << 10);
  pthread_t thread{};
  ASSERT_EQ(pthread_create(
                &thread, &attributes,
                [](void*) -> void* {
                  round_trip(100);
                  round_trip(kLong);
                  return nullptr;
                },
                nullptr),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(DeepStates, WorkOnEveryThreadAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([i] { round_trip(kLong + i); });
  for (std::thread& thread : threads) thread.join();
}

// An exception of the program's own comes through all stacks, and the next value finds them as they were.
struct Throwing {
  int left = 0;
  std::unique_ptr<Throwing> next;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (left == 1) throw std::runtime_error("the last one");
    archive& left& next;
  }
};

TEST(DeepStates, LetExceptionsThrough) {
  for (const int count : {3, 5'000}) {
    Throwing list{count, nullptr};
    Throwing* last = &list;
    for (int i = count - 1; i > 0; --i) {
      last->next = std::make_unique<Throwing>(Throwing{i, nullptr});
      last = last->next.get();
    }
    Buffer bytes;
    EXPECT_THROW(pack(list, bytes), std::runtime_error);
    EXPECT_TRUE(bytes.empty());
    round_trip(kLong);
  }
}

}  // namespace
}  // namespace rondo::test
