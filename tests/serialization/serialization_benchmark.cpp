// What packing costs against the best that memory allows: a memcpy for blocks, a deep copy for nested
// containers.
//
//   cmake -B build -DRONDO_BENCHMARKS=ON && cmake --build build &&
//   build/tests/serialization/serialization_benchmark
//
// Prints medians of interleaved repetitions and their ratios.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <rondo/serialization.hpp>

namespace {

struct Particle {
  double x, y, z;
  int kind;
};

struct Walker {
  std::vector<double> path;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& path;
  }
};

template <class T>
void keep(T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

// Of its processor time, so that others on the machine do not count but for what they do to the caches.
double nanoseconds_of_this_thread() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

struct Contestant {
  const char* name;
  std::function<void()> run;
  std::vector<double> nanoseconds{};
  double median() {
    std::nth_element(nanoseconds.begin(), nanoseconds.begin() + nanoseconds.size() / 2, nanoseconds.end());
    return nanoseconds[nanoseconds.size() / 2];
  }
};

// The first contestant is what the others are held against.
void compare(const char* title, int calls, std::vector<Contestant> contestants) {
  for (int repetition = 0; repetition < 41; ++repetition) {
    for (Contestant& contestant : contestants) {
      const double start = nanoseconds_of_this_thread();
      for (int i = 0; i < calls; ++i) contestant.run();
      contestant.nanoseconds.push_back((nanoseconds_of_this_thread() - start) / calls);
    }
  }
  std::printf("%s\n", title);
  const double reference = contestants.front().median();
  for (Contestant& contestant : contestants) {
    std::printf("  %-34s %12.1f ns   %6.2f x\n", contestant.name, contestant.median(),
                contestant.median() / reference);
  }
}

template <class T>
void compare_block(const char* title, const T& value, std::size_t size) {
  rondo::Buffer packed, again, target;
  rondo::pack(value, packed);
  target.extend(packed.size());
  const auto* from = reinterpret_cast<const std::byte*>(&value);
  if constexpr (requires { value.data(); }) from = reinterpret_cast<const std::byte*>(value.data());
  T reused{};
  compare(
      title, size > 1000 ? 200 : 100'000,
      {{"memcpy", [&] { std::memcpy(target.data(), from, size), keep(*target.data()); }},
       {"pack into a used buffer", [&] { again.clear(), rondo::pack(value, again), keep(*again.data()); }},
       {"unpack into a used value", [&] { rondo::unpack(packed, reused), keep(reused); }},
       {"copy into a fresh value",
        [&] {
          T fresh(value);
          keep(fresh);
        }},
       {"unpack into a fresh value", [&] {
          T fresh{};
          rondo::unpack(packed, fresh);
          keep(fresh);
        }}});
}

}  // namespace

int main() {
  compare_block("double", 1.5, sizeof(double));
  compare_block("32-byte struct", Particle{1, 2, 3, 4}, sizeof(Particle));
  compare_block("vector<double>, 300 kB", std::vector<double>(37'500, 1.5), 300'000);
  compare_block("vector of a 32-byte struct, 300 kB", std::vector<Particle>(9'375, Particle{1, 2, 3, 4}),
                300'000);

  {
    const Walker walker{std::vector<double>(37'500, 1.5)};
    rondo::Buffer packed, again;
    rondo::pack(walker, packed);
    Walker reused;
    std::vector<double> target(37'500);
    compare("class with serialize() and 300 kB", 200,
            {{"memcpy", [&] { std::memcpy(target.data(), walker.path.data(), 300'000), keep(target); }},
             {"pack", [&] { again.clear(), rondo::pack(walker, again), keep(*again.data()); }},
             {"unpack", [&] { rondo::unpack(packed, reused), keep(reused); }}});
    const Walker small{std::vector<double>(2, 1.5)};
    rondo::Buffer small_packed;
    rondo::pack(small, small_packed);
    compare("class with serialize() and 16 B: the constant", 10'000,
            {{"pack", [&] { again.clear(), rondo::pack(small, again), keep(*again.data()); }},
             {"unpack", [&] { rondo::unpack(small_packed, reused), keep(reused); }}});
  }
  {
    std::map<std::string, std::vector<std::string>> nested;
    for (int i = 0; i < 1000; ++i) {
      auto& words = nested["entry number " + std::to_string(i * 7919 % 100'003)];
      for (int k = 0; k < 3; ++k) words.push_back("word " + std::to_string(i + k));
    }
    rondo::Buffer packed, again;
    rondo::pack(nested, packed);
    std::printf("nested: %zu bytes\n", packed.size());
    compare("map<string, vector<string>>, 1,000 entries", 20,
            {{"deep copy",
              [&] {
                auto copy = nested;
                keep(copy);
              }},
             {"pack", [&] { again.clear(), rondo::pack(nested, again), keep(*again.data()); }},
             {"unpack",
              [&] {
                std::map<std::string, std::vector<std::string>> fresh;
                rondo::unpack(packed, fresh);
                keep(fresh);
              }},
             {"pack and unpack", [&] {
                again.clear();
                rondo::pack(nested, again);
                std::map<std::string, std::vector<std::string>> fresh;
                rondo::unpack(again, fresh);
                keep(fresh);
              }}});
  }
}
