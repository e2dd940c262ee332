// How many cores there are: the affinity mask, and the CPU quotas of both versions of control groups, as the kernel's files
// tell them; and that evaluations inside of evaluations share them.
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <rondo/cores.hpp>
#include <rondo/stream.hpp>
#include <string>
#include <thread>

#include "stream/cpu_quota.hpp"

namespace {

using rondo::Stream;
namespace files = std::filesystem;

// A folder that looks like "/" of some machine.
class Quota : public testing::Test {
 protected:
  Quota() {
    std::string name = (files::temp_directory_path() / "rondo-quota-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~Quota() override { files::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    files::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  // A machine with version 2 only.
  void version_2(const std::string& group, const std::string& top_group = "/") {
    write("proc/self/cgroup", "0::" + group);
    write("proc/self/mountinfo", "22 1 0:5 / /proc rw - proc proc rw\n30 22 0:26 " + top_group +
                                     " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate");
  }
  // One with version 1, its controllers in folders of their own.
  void version_1(const std::string& group, const std::string& top_group = "/") {
    write("proc/self/cgroup", "7:memory:/elsewhere\n4:cpu,cpuacct:" + group + "\n1:name=systemd:/\n0::/");
    write("proc/self/mountinfo",
          "33 25 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n34 25 0:30 " + top_group +
              " /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n"
              "35 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw");
  }
  double quota() const { return rondo::streaming::cpu_quota(root_).value_or(-1); }

  files::path root_;
};

TEST_F(Quota, IsNotThereWhereNoFileSaysSo) {
  EXPECT_EQ(quota(), -1);
  version_2("/a/job");
  EXPECT_EQ(quota(), -1);
  write("sys/fs/cgroup/a/job/cpu.max", "max 100000");
  EXPECT_EQ(quota(), -1);
  write("sys/fs/cgroup/a/job/cpu.max", "nonsense");
  EXPECT_EQ(quota(), -1);
}

TEST_F(Quota, OfVersion2IsTheLeastOfTheGroupAndThoseAroundIt) {
  version_2("/a/job/step");
  write("sys/fs/cgroup/a/job/step/cpu.max", "400000 100000");
  EXPECT_EQ(quota(), 4);
  write("sys/fs/cgroup/a/cpu.max", "150000 100000");
  EXPECT_EQ(quota(), 1.5);
  write("sys/fs/cgroup/a/job/cpu.max", "20000 10000");
  EXPECT_EQ(quota(), 1.5);
  write("sys/fs/cgroup/cpu.max", "50000");
  EXPECT_EQ(quota(), 0.5) << "the period is 100 ms if it is not told";
  write("sys/fs/cgroup/other/cpu.max", "1000 100000");
  EXPECT_EQ(quota(), 0.5) << "another group";
}

TEST_F(Quota, OfVersion1) {
  version_1("/a/job");
  write("sys/fs/cgroup/cpu,cpuacct/a/job/cpu.cfs_quota_us", "-1");
  write("sys/fs/cgroup/cpu,cpuacct/a/job/cpu.cfs_period_us", "100000");
  write("sys/fs/cgroup/memory/elsewhere/cpu.cfs_quota_us", "1");
  EXPECT_EQ(quota(), -1);
  write("sys/fs/cgroup/cpu,cpuacct/a/job/cpu.cfs_quota_us", "300000");
  EXPECT_EQ(quota(), 3);
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "20000");
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "10000");
  EXPECT_EQ(quota(), 2);
  write("sys/fs/cgroup/unified/cpu.max", "100000 100000");
  EXPECT_EQ(quota(), 1) << "both versions count";
}

TEST_F(Quota, InAContainerThatSeesOnlyItsOwnGroup) {
  version_1("/docker/0123", "/docker/0123");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000");
  EXPECT_EQ(quota(), 2.5);
  version_2("/../../other");
  write("sys/fs/cgroup/cpu.max", "700000 100000");
  EXPECT_EQ(quota(), 7);
  version_2("/host/path/that/is/not/here");
  EXPECT_EQ(quota(), 7);
  version_2("/docker/0123/inner", "/docker/0123");
  write("sys/fs/cgroup/inner/cpu.max", "600000 100000");
  EXPECT_EQ(quota(), 6);
}

TEST_F(Quota, OfAMountWhoseNameHasASpace) {
  write("proc/self/cgroup", "0::/job");
  write("proc/self/mountinfo", "30 22 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw");
  write("my groups/job/cpu.max", "300000 100000");
  EXPECT_EQ(quota(), 3);
}

Stream<int> numbers(int count) {
  for (int i = 0; i < count; ++i) co_yield int(i);
}

// Calls `body` on a thread that may use one core only.
template <class Body>
void on_one_core(Body body) {
  std::thread([&] {
    cpu_set_t all, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
      if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    body();
  }).join();
}

TEST(Cores, AreThoseOfTheAffinityMask) {
  const unsigned before = rondo::cores();
  EXPECT_GE(before, 1U);
  EXPECT_LE(before, rondo::cores_of_node());
  on_one_core([] {
    EXPECT_EQ(rondo::cores(), 1U);
    EXPECT_EQ(rondo::CoreBudget::process().cores(), 1U);
    rondo::StreamReport report;
    (void)rondo::evaluate(numbers(1000) | rondo::map([](int n) { return n; }),
                          {.effectiveness = 0, .report = &report});
    EXPECT_EQ(report.threads_max, 1U);
  });
  EXPECT_EQ(rondo::cores(), before);
}

TEST(Cores, AreSharedByTheEvaluationsInsideOfOne) {
  const unsigned threads = rondo::cores() + 2;
  const rondo::StreamOptions all{.threads_max = threads, .effectiveness = 0};
  std::atomic<unsigned> inside = 0, most = 0;
  const auto counted = [&](int n) {
    const unsigned now = inside.fetch_add(1) + 1;
    unsigned before = most;
    while (now > before && !most.compare_exchange_weak(before, now)) {
    }
    std::this_thread::yield();
    inside.fetch_sub(1);
    return n;
  };
  const auto inner = [&](int) { return rondo::evaluate(numbers(40) | rondo::map(counted), all).size(); };
  const auto innermost = [&](int) { return rondo::evaluate(numbers(10) | rondo::map(inner), all).size(); };
  const auto out = rondo::evaluate(numbers(10) | rondo::map(innermost), all);
  EXPECT_EQ(out, std::vector<std::size_t>(10, 10));
  EXPECT_LE(most, threads);
}

// The inner evaluation's units have to meet, for which it needs the cores that the outer one, with one thread, does not use.
TEST(Cores, ThatTheOuterEvaluationDoesNotUseGoToTheInnerOne) {
  const unsigned threads = rondo::cores();
  std::atomic<unsigned> met = 0;
  const auto inner = [&](int) {
    return rondo::evaluate(numbers(static_cast<int>(threads)) | rondo::map([&](int n) {
                             met.fetch_add(1);
                             met.notify_all();
                             for (unsigned m = met; m < threads; m = met) met.wait(m);
                             return n;
                           }),
                           {.effectiveness = 0})
        .size();
  };
  EXPECT_EQ(rondo::evaluate(numbers(1) | rondo::map(inner), {.threads_max = 1}),
            std::vector<std::size_t>{threads});
}

}  // namespace
