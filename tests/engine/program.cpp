// A program that ends in many ways; the tests start it, on threads and on ranks. Its first argument says how. With
// RONDO_TEST_THREADS=N the system gives it N threads and no more.
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <rondo/rondo.hpp>
#include <rondo/stream.hpp>

#ifndef RONDO_TEST_BUILD
#define RONDO_TEST_BUILD "the first"  // a second build differs in nothing else
#endif

namespace {

constexpr rondo::StateId kState{3};
constexpr std::uint64_t kRound = 2;

std::string how;

int overflow(int depth) {
  volatile char block[10'000] = {};
  block[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow(depth + 1) + block[0];
}

void fault() {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
}

// A function with big local variables, as numerical code has them.
int work_on_the_stack() {
  constexpr int kBytes = 4 << 20;
  volatile char block[kBytes];
  for (int i = 0; i < kBytes; i += 4096) block[i] = 1;
  return block[kBytes / 2];
}

// The same in stages of a stream, on the calling thread and on another one.
int stream_on_the_stack() {
  std::barrier both(2);
  const auto numbers = []() -> rondo::Stream<int> {
    co_yield 1;
    co_yield 2;
  };
  rondo::StreamOptions options;
  options.threads_max = 2;
  options.effectiveness = 0;
  int sum = 0;
  for (const int each : rondo::evaluate(numbers() | rondo::map([&](int) {
                                          both.arrive_and_wait();
                                          return work_on_the_stack();
                                        }),
                                        options))
    sum += each;
  return sum;
}

// ---- handlers that the program has installed before

char* page = nullptr;  // may not be touched, until the handler allows it
sigjmp_buf way_out;

void let_touch(int, siginfo_t* info, void*) {
  if (info->si_addr != page) _exit(99);
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
void jump(int) { siglongjmp(way_out, 1); }
void give_up(int signal) { std::signal(signal, SIG_DFL); }
void go_on(int) {}

void install_handlers() {
  struct sigaction action {};
  if (how == "mended-fault") {
    page = static_cast<char*>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    action.sa_sigaction = let_touch;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
  }
  if (how == "fault-jumped-over") action.sa_handler = jump;
  if (how == "fault-given-up") action.sa_handler = give_up;
  if (how == "one-shot-handler") {
    action.sa_handler = go_on;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
  }
  if (action.sa_handler != nullptr) sigaction(SIGSEGV, &action, nullptr);
  action = {};
  action.sa_handler = go_on;
  if (how == "abort-with-handler") sigaction(SIGABRT, &action, nullptr);
}

void fail() { throw std::runtime_error("out of a noexcept function"); }
void refuse() noexcept { fail(); }

class Ending : public rondo::Update<int, int, int> {
 public:
  int update(int& state, const int& input, const Call& call) override {
    if (how == "faults-together") {  // each worker has a first one
      static std::barrier together(3);
      together.arrive_and_wait();
      fault();
    }
    if (call.id() == kState && call.round() == kRound) end();
    return state += input;
  }

 private:
  static void end() {
    if (how == "fault" || how == "fault-given-up" || how == "one-shot-handler") fault();
    if (how == "mended-fault") page[0] = 1;
    if (how == "fault-jumped-over" && sigsetjmp(way_out, 1) == 0) fault();
    if (how == "big-locals" && work_on_the_stack() != 1) std::abort();
    if (how == "abort" || how == "abort-with-handler") std::abort();
    if (how == "overflow") std::cout << overflow(0);
    if (how == "terminate") refuse();
    if (how == "fault-in-thread") std::thread(fault).join();
    if (how == "kill") std::raise(SIGKILL);
    if (how == "exit-in-update") std::exit(3);
    if (how == "exit-0-in-update") std::exit(0);
    if (how == "quick-exit-in-update") std::quick_exit(0);
    if (how == "thread-exit-in-update") pthread_exit(nullptr);
    if (how == "throw-in-update") throw std::runtime_error("thrown by an update");
  }
};

class Other : public rondo::Update<int, int, double> {
 public:
  double update(int& state, const int& input, const Call&) override { return state += input; }
};

// A state that is trouble where a rank packs or unpacks it, which is not in an update.
struct Brittle {
  int value = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    constexpr bool is_saving = Archive::is_saving::value;
    if (how == "fault-in-resetting" && is_saving && value == 7) fault();
    if (how == "fault-in-packing" && is_saving && value == 12) fault();
    archive& value;
    if (how == "fault-in-moving" && !is_saving && value == 12) fault();
    if (how == "fault-in-unpacking" && !is_saving && value == 12) fault();
    if (how == "unreadable-state" && Archive::is_loading::value) throw std::runtime_error("makes no sense");
  }
};
class Counting : public rondo::Update<Brittle, int, int> {
 public:
  int update(Brittle& state, const int& input, const Call&) override { return state.value += input; }
};

// A list of which each node serializes the next one.
struct Node {
  std::unique_ptr<Node> next;
  Node() = default;
  Node(Node&&) = default;
  Node& operator=(Node&&) = default;
  ~Node() {
    while (next) next = std::move(next->next);
  }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& next;
  }
};
class Growing : public rondo::Update<Node, int, int> {
 public:
  int update(Node& state, const int& input, const Call&) override {
    for (int i = 0; i < input; ++i) {
      auto node = std::make_unique<Node>();
      node->next = std::move(state.next);
      state.next = std::move(node);
    }
    return 0;
  }
};

int go(rondo::Master<Ending>& master) {
  master.reset(std::vector<int>(10, 1));
  if (how == "throw-in-main") throw std::runtime_error("thrown by main");
  if (how == "exit-in-main") std::exit(3);
  if (how == "exit-0-in-main") std::exit(0);
  if (how == "checkpoint") {
    (void)master.update(1);
    master.checkpoint("checkpoints");
  }
  if (how == "quick-exit-in-main") std::quick_exit(0);
  if (how == "quick-exit-in-thread") std::thread([] { std::quick_exit(0); }).join();
  if (how.ends_with("exit-in-a-child")) {
    const pid_t child = fork();
    if (child == 0 && how.starts_with("quick")) std::quick_exit(0);
    if (child == 0) std::exit(0);
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0) return 9;
  }
  int sum = 0;
  for (int round = 0; round < 5; ++round)
    for (const int output : master.update(1)) sum += output;
  std::cout << "sum " << sum << std::endl;
  return how == "return-7" ? 7 : 0;
}

}  // namespace

// In the place of the C library's.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*),
                              void* argument) {
  static const char* const most = std::getenv("RONDO_TEST_THREADS");
  static std::atomic<int> started{0};
  if (most != nullptr && started++ >= std::atoi(most)) return EAGAIN;
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, work, argument);
}

int main(int argc, char** argv) {
  if (argc > 1) how = argv[1];
  install_handlers();
  if (how == "big-locals-in-stream") return stream_on_the_stack() == 2 ? 0 : 1;
  if (how == "build") std::cout << RONDO_TEST_BUILD << std::endl;
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (how == "other-types" && rank != nullptr && std::string(rank) == "1")
    return rondo::run<Other>(argc, argv, [](rondo::Master<Other>&) {});
  if ((how.starts_with("fault-in-") && how != "fault-in-thread") || how == "unreadable-state")
    return rondo::run<Counting>(argc, argv, [](rondo::Master<Counting>& master) {
      std::vector<Brittle> states(10);
      for (int i = 0; i < 10; ++i) states[static_cast<std::size_t>(i)].value = i;
      master.reset(std::move(states));
      (void)master.update(5);
      if (how == "fault-in-moving") master.resample(std::vector<std::uint32_t>(10, 3));
      (void)master.states();
    });
  if (how == "too-deep")
    return rondo::run<Growing>(argc, argv, [](rondo::Master<Growing>& master) {
      master.reset(std::vector<Node>(1));
      (void)master.update(150'000);
      master.resample(std::vector<std::uint32_t>{7});
      (void)master.update(0);
    });
  if (how == "throw-in-factory")
    return rondo::run<Ending>(
        argc, argv, []() -> Ending { throw std::runtime_error("makes nothing"); }, go);
  const int status = rondo::run<Ending>(argc, argv, go);
  if (how == "twice" && status == 0) return rondo::run<Ending>(argc, argv, go);
  return status;
}
