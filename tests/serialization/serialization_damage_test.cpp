// Cut, lengthened and altered messages are refused or read as something else; they never reach outside of
// their bytes, and never take memory out of proportion to them. AddressSanitizer sees the first, operator new
// below the second.
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>
#include <boost/serialization/base_object.hpp>
#include <boost/serialization/export.hpp>

#include <rondo/serialization.hpp>

#include "random_values.hpp"

namespace {
std::size_t largest_allocation = 0;
}  // namespace

// Not inlined: the compiler would warn of free() on what it knows to come from operator new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (size > largest_allocation) largest_allocation = size;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

// Boost lets go of an object that it was reading through a pointer when the reading throws.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:heap_allocation\n";
}  // NOLINT: LeakSanitizer's

namespace {

struct Animal {
  int legs = 0;
  virtual ~Animal() = default;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& legs;
  }
};
struct Cat : Animal {
  double lives = 9;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& boost::serialization::base_object<Animal>(*this) & lives;
  }
};
struct Bird : Animal {
  int wings[40] = {};
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& boost::serialization::base_object<Animal>(*this) & wings;
  }
};

// Two of everything that Boost keeps numbers for.
struct Zoo {
  std::vector<std::shared_ptr<Animal>> animals;
  std::vector<std::unique_ptr<Animal>> others;
  std::map<std::string, std::shared_ptr<Animal>> named;
  std::vector<std::shared_ptr<const std::string>> words;
  std::vector<double> numbers;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& animals& others& named& words& numbers;
  }
  static Zoo random(Engine& engine) {
    Zoo zoo;
    for (int i = int(engine() % 5); i != 0; --i) {
      engine() % 2 == 0 ? zoo.animals.push_back(std::make_shared<Cat>())
                        : zoo.animals.push_back(std::make_shared<Bird>());
      engine() % 2 == 0 ? zoo.others.push_back(std::make_unique<Bird>())
                        : zoo.others.push_back(std::make_unique<Cat>());
      zoo.named[std::to_string(engine() % 10)] = zoo.animals.front();
      zoo.words.push_back(engine() % 2 == 0 || zoo.words.empty() ? std::make_shared<const std::string>("word")
                                                                 : zoo.words.front());
    }
    zoo.numbers.resize(engine() % 9);
    return zoo;
  }
};

struct Nothing {  // takes no bytes by itself
  template <class Archive>
  void serialize(Archive&, const unsigned) {}
  static Nothing random(Engine&) { return {}; }
};

}  // namespace

BOOST_CLASS_EXPORT(Cat)
BOOST_CLASS_EXPORT(Bird)

namespace {

template <class T>
struct Damage : testing::Test {};
using Types =
    testing::Types<double, std::string, std::vector<bool>, std::vector<double>, std::vector<std::string>,
                   std::vector<Nothing>, std::vector<std::tuple<>>,
                   std::map<std::string, std::vector<std::string>>, std::unordered_map<std::string, int>,
                   std::variant<int, std::string, std::vector<double>>,
                   std::vector<std::optional<std::string>>, std::vector<std::shared_ptr<std::string>>,
                   std::vector<std::unique_ptr<std::vector<int>>>, Zoo, std::vector<Zoo>>;
TYPED_TEST_SUITE(Damage, Types);

// Exactly so many bytes on the heap, so that a sanitizer sees a read beyond them.
template <class T>
void expect_refused_or_read(const std::vector<std::byte>& bytes, bool must_be_refused) {
  const auto exact = std::make_unique<std::byte[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), exact.get());
  largest_allocation = 0;
  T value{};
  try {
    rondo::unpack(rondo::Bytes(exact.get(), bytes.size()), value);
    EXPECT_FALSE(must_be_refused);
  } catch (const rondo::SerializationError& error) {
    EXPECT_STRNE(error.what(), "");
  }
  // an element in memory is bigger than in the message by 64 at the most: a Bird against the tag of its
  // pointer
  EXPECT_LE(largest_allocation, 4096 + 64 * bytes.size());
}

TYPED_TEST(Damage, IsRefusedOrReadAsSomethingElse) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Engine engine(seed);
    rondo::Buffer buffer;
    rondo::pack(random_value<TypeParam>(engine), buffer);
    const std::vector<std::byte> whole(buffer.data(), buffer.data() + buffer.size());

    for (int i = 0; i < 30; ++i) {
      std::vector<std::byte> cut(whole.begin(), whole.begin() + std::ptrdiff_t(engine() % whole.size()));
      expect_refused_or_read<TypeParam>(cut, true);
    }
    std::vector<std::byte> longer = whole;
    longer.push_back(std::byte{0});
    expect_refused_or_read<TypeParam>(longer, true);

    for (int i = 0; i < 200; ++i) {
      std::vector<std::byte> altered = whole;
      for (std::size_t left = 1 + engine() % 3; left != 0; --left) {
        std::byte& victim = altered[engine() % altered.size()];
        // lengths and tags are mostly small numbers, so small and extreme ones hurt most
        victim = engine() % 2 == 0 ? std::byte(engine()) : std::byte(engine() % 4 - 2);
      }
      expect_refused_or_read<TypeParam>(altered, false);
    }
    for (int i = 0; i < 30; ++i) {
      std::vector<std::byte> noise(engine() % 200);
      for (std::byte& byte : noise) byte = std::byte(engine() % (i % 2 == 0 ? 256 : 3));
      expect_refused_or_read<TypeParam>(noise, false);
    }
  }
}

template <class T>
std::string refusal(const std::vector<std::uint64_t>& words) {
  T value{};
  try {
    rondo::unpack(std::as_bytes(std::span(words)), value);
  } catch (const rondo::SerializationError& error) {
    return error.what();
  }
  return "";
}

TEST(Counts, ThatCannotBeAreRefusedBeforeMemoryIsTaken) {
  const std::uint64_t huge = std::uint64_t{1} << 60;
  EXPECT_NE(refusal<std::vector<double>>({huge, 1, 2}), "");
  EXPECT_NE(refusal<std::vector<double>>({huge * 2, 1, 2}), "");  // times 8 is 0 in 64 bits
  EXPECT_NE(refusal<std::string>({huge}), "");
  EXPECT_NE(refusal<std::vector<bool>>({huge}), "");
  EXPECT_NE(refusal<std::vector<bool>>({~std::uint64_t{0}}), "");
  EXPECT_NE(refusal<std::vector<Nothing>>({huge}), "");
  EXPECT_NE(refusal<std::vector<std::tuple<>>>({huge}), "");
  EXPECT_NE((refusal<std::map<std::string, int>>({huge, 0})), "");
  EXPECT_NE((refusal<std::unordered_map<int, int>>({0, huge, 0})), "");
}

TEST(Errors, SayWhatWasExpectedAndWhatCame) {
  EXPECT_EQ(refusal<std::vector<double>>({3'000'000'000, 1}),
            "unpack: expected 3000000000 elements of at least 8 bytes at byte 8 of 16, got 8 bytes");
  EXPECT_EQ((refusal<std::pair<std::string, double>>({0})), "unpack: expected 8 bytes at byte 8 of 8, got 0");
  EXPECT_EQ(refusal<std::uint64_t>({1, 2}), "unpack: expected 8 bytes, got 16");
  EXPECT_EQ(refusal<std::uint64_t>({}), "unpack: expected 8 bytes at byte 0 of 0, got 0");
  EXPECT_EQ(refusal<std::vector<int>>({1, 2, 3}), "unpack: expected 12 bytes, got 24");
}

}  // namespace
