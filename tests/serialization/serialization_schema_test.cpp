// What was saved is compared with what is read before a value is given out: by random serialize() functions against a plain
// list of what they wrote, and by examples.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <boost/serialization/base_object.hpp>
#include <boost/serialization/binary_object.hpp>
#include <boost/serialization/export.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/split_member.hpp>

#include <rondo/detail/described.hpp>
#include <rondo/serialization.hpp>

namespace rondo::test {
namespace {

// ---- saving and loading, with a schema that has gone through its bytes

class Saved {
 public:
  template <class T>
  Buffer save(const T& value) {
    Buffer bytes;
    recorder_.begin();
    detail::pack_recorded(value, bytes, &recorder_);
    return bytes;
  }
  [[nodiscard]] detail::Schema schema() const {
    Buffer bytes;
    recorder_.schema().save(bytes);
    return detail::Schema(bytes);
  }
  // Why these bytes cannot be read; empty: they can be.
  template <class T>
  std::string refusal(const Buffer& bytes, T& value) const {
    const detail::Schema schema = this->schema();
    detail::Checker checker(schema);
    try {
      detail::unpack_checked(bytes, value, &checker);
      return "";
    } catch (const SerializationError& error) {
      return error.what();
    }
  }

 private:
  detail::Recorder recorder_;
};

// ---- random serialize() functions

enum class Step : std::uint8_t { kReal, kInteger, kText, kClass, kRow, kPointer, kMany };
using Script = std::vector<Step>;

Script script;                // what a serialize() does
std::vector<double> numbers;  // what it has read or written

void note(double& number) { numbers.push_back(number); }

struct Leaf {
  double x = 0.5;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x;
    note(x);
  }
};
struct Scripted {
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    double number = 0;
    // objects of one time have addresses of their own: by these Boost knows them again
    std::list<Leaf> leaves;
    std::list<std::vector<Leaf>> rows;
    std::list<std::unique_ptr<Leaf>> pointers;
    for (const Step step : script) {
      if (Archive::is_saving::value) number += 1;
      switch (step) {
        case Step::kReal: {
          archive& number;
          note(number);
          break;
        }
        case Step::kInteger: {
          auto integer = static_cast<std::int64_t>(number);
          archive& integer;
          numbers.push_back(static_cast<double>(integer));
          break;
        }
        case Step::kText: {
          std::string text(static_cast<std::size_t>(number), 'x');
          archive& text;
          numbers.push_back(static_cast<double>(text.size()));
          break;
        }
        case Step::kClass: {
          archive& leaves.emplace_back(Leaf{number});
          break;
        }
        case Step::kRow: {
          archive& rows.emplace_back(static_cast<std::size_t>(number) % 3, Leaf{number});
          break;
        }
        case Step::kPointer: {
          std::unique_ptr<Leaf>& pointer = pointers.emplace_back();
          if (static_cast<int>(number) % 2 == 1) pointer = std::make_unique<Leaf>(Leaf{number});
          archive& pointer;
          break;
        }
        case Step::kMany: break;
      }
    }
  }
};

class RandomScripts {
 public:
  explicit RandomScripts(std::uint64_t seed) : dice_(seed) {}
  std::uint64_t below(std::uint64_t n) { return dice_() % n; }
  Script any() {
    Script all(below(7));
    for (Step& step : all) step = static_cast<Step>(below(static_cast<std::uint64_t>(Step::kMany)));
    return all;
  }
  Script like(Script one) {
    if (one.empty()) return any();
    Step& step = one[below(one.size())];
    switch (below(3)) {
      case 0: step = static_cast<Step>(below(static_cast<std::uint64_t>(Step::kMany))); break;
      case 1: one.pop_back(); break;
      default: std::swap(step, one.front());
    }
    return one;
  }

 private:
  std::mt19937_64 dice_;
};

std::size_t common(const Script& a, const Script& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

TEST(Schema, AcceptsExactlyTheOrdersThatWereWrittenAndGivesOutNothingWrong) {
  const char* const given = std::getenv("RONDO_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device()();
  SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed));
  RandomScripts random(seed);
  for (int round = 0; round < 200; ++round) {
    Saved saved;
    std::vector<Script> scripts;
    std::vector<Buffer> bytes;
    std::vector<std::vector<double>> written;
    for (std::uint64_t i = 0, count = 1 + random.below(4); i < count; ++i) {
      script = random.any();
      scripts.push_back(script);
      bytes.push_back(saved.save(Scripted()));
      numbers.clear();
      (void)packed_size(Scripted());  // one pass
      written.push_back(numbers);
    }
    for (int attempt = 0; attempt < 20; ++attempt) {
      const Script wanted =
          random.below(3) == 0 ? random.any() : random.like(scripts[random.below(scripts.size())]);
      // the bytes that it has most in common with
      std::size_t from = 0;
      for (std::size_t i = 1; i < scripts.size(); ++i)
        if (common(wanted, scripts[i]) > common(wanted, scripts[from])) from = i;
      const bool known = std::find(scripts.begin(), scripts.end(), wanted) != scripts.end();
      if (known)
        from = static_cast<std::size_t>(std::find(scripts.begin(), scripts.end(), wanted) - scripts.begin());
      script = wanted;
      numbers.clear();
      Scripted value;
      const std::string refusal = saved.refusal(bytes[from], value);
      EXPECT_EQ(refusal.empty(), known) << refusal;
      if (known) {
        EXPECT_EQ(numbers, written[from]);
      }
      ASSERT_LE(numbers.size(), written[from].size());
      EXPECT_TRUE(std::equal(numbers.begin(), numbers.end(), written[from].begin()));
    }
  }
}

// ---- examples: `build` is what the program is compiled as

int build = 0;

struct Held {
  double a = 1;
  std::int64_t b = 2;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (build == 0) {
      archive& a& b;
    } else {
      archive& b& a;
    }
  }
};

template <class T>
std::string refusal_of_the_other_build(const T& value) {
  build = 0;
  Saved saved;
  const Buffer bytes = saved.save(value);
  T same{}, other{};
  EXPECT_EQ(saved.refusal(bytes, same), "") << typeid(T).name();
  build = 1;
  const std::string refusal = saved.refusal(bytes, other);
  build = 0;
  return refusal;
}

template <class T>
void expect_refused(const T& value) {
  const std::string refusal = refusal_of_the_other_build(value);
  EXPECT_NE(refusal.find("this program reads long as value 1 of rondo::test::(anonymous namespace)::Held"),
            std::string::npos)
      << typeid(T).name() << ": " << refusal;
  EXPECT_NE(refusal.find(", where double was saved"), std::string::npos) << refusal;
}

struct Derived : Held {
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& boost::serialization::make_nvp("base", boost::serialization::base_object<Held>(*this));
  }
};

TEST(Schema, SeesAClassWhereverItIsHeld) {
  expect_refused(Held());
  expect_refused(Derived());
  expect_refused(std::vector<Held>(3));
  expect_refused(std::map<int, std::vector<std::optional<Held>>>{{1, {Held(), std::nullopt}}});
  expect_refused(std::variant<int, Held>(Held()));
  expect_refused(std::make_unique<Held>());
  expect_refused(std::make_shared<Held>());
  expect_refused(std::make_shared<std::vector<Held>>(2));
  expect_refused(std::pair<int, std::array<Held, 2>>());
}

TEST(Schema, OfWhatIsNotThereRefusesNothing) {
  EXPECT_EQ(refusal_of_the_other_build(std::vector<Held>()), "");
  EXPECT_EQ(refusal_of_the_other_build(std::unique_ptr<Held>()), "");
  EXPECT_EQ(refusal_of_the_other_build(std::vector<double>(3)), "");
}

// Reads less or more than was written.
struct Sized {
  int size = 3;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    int number = 7;
    for (int i = 0; i < size + (build == 1 ? 1 : build == 2 ? -1 : 0); ++i) archive& number;
  }
};

TEST(Schema, SaysWhereMoreOrLessIsRead) {
  Saved saved;
  const Buffer bytes = saved.save(Sized());
  Sized read;
  EXPECT_EQ(saved.refusal(bytes, read), "");
  build = 1;
  EXPECT_NE(saved.refusal(bytes, read).find("reads int as value 4 of "), std::string::npos);
  EXPECT_NE(saved.refusal(bytes, read).find("where nothing more was saved"), std::string::npos);
  build = 2;
  EXPECT_NE(saved.refusal(bytes, read).find("reads 2 values, and then int was saved"), std::string::npos);
  build = 0;
}

TEST(Schema, ComparesManyValuesByTheirTypesAlone) {
  Saved saved;
  const Buffer bytes = saved.save(Sized{5'000});
  Sized read{5'000};
  EXPECT_EQ(saved.refusal(bytes, read), "");
  // what is behind the first thousand has no order: that the bytes end early is seen as they are read
  build = 1;
  EXPECT_NE(saved.refusal(bytes, read), "");
  build = 0;
  Buffer size;
  saved.schema().save(size);
  EXPECT_LT(size.size(), 100'000U);
}

// Takes ever another way, so that not all of them can be recorded.
struct Unlike {
  std::uint32_t way = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    for (int i = 0; i < 20; ++i) {
      float real = 1;
      std::string text = "a";
      if ((way >> i & 1) != 0) {
        archive& real;
      } else {
        archive& text;
      }
    }
  }
};

TEST(Schema, ThatIsFullRefusesNothing) {
  Saved saved;
  Buffer last;
  for (std::uint32_t way = 0; way < 20'000; ++way) last = saved.save(Unlike{way * 2654435761U});
  Unlike read{19'999 * 2654435761U};
  EXPECT_EQ(saved.refusal(last, read), "");
  Buffer size;
  saved.schema().save(size);
  EXPECT_LT(size.size(), 5'000'000U);
}

// save() and load() that name other types for the same bytes.
enum class Colour : std::uint32_t { kRed };
struct Split {
  std::vector<double> row = std::vector<double>(3, 1.5);
  Colour colour = Colour::kRed;
  std::unique_ptr<Leaf> leaf = std::make_unique<Leaf>();
  template <class Archive>
  void save(Archive& archive, unsigned) const {
    const std::size_t size = row.size();
    archive << size << boost::serialization::make_array(row.data(), size)
            << static_cast<std::int32_t>(colour);
    const Leaf* const plain = leaf.get();
    archive << plain;
    archive.save_binary(row.data(), 8);
  }
  template <class Archive>
  void load(Archive& archive, unsigned) {
    long long size = 0;
    archive >> size;
    row.resize(static_cast<std::size_t>(size));
    archive >> boost::serialization::make_array(row.data(), row.size()) >> colour >> leaf;
    archive.load_binary(row.data(), 8);
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
};

TEST(Schema, TakesSaveAndLoadThatNameOtherTypesForTheSameBytes) {
  Saved saved;
  const Buffer bytes = saved.save(Split());
  Split read;
  read.row.clear();
  EXPECT_EQ(saved.refusal(bytes, read), "");
  EXPECT_EQ(read.row, std::vector<double>(3, 1.5));
}

// ---- classes behind a pointer to their base

class Shape {
 public:
  virtual ~Shape() = default;
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};
class Disk : public Shape {
 public:
  double radius = 1;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& boost::serialization::base_object<Shape>(*this);
    archive& radius;
  }
};
class Square : public Shape {
 public:
  std::int64_t side = 1;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& boost::serialization::base_object<Shape>(*this);
    float other = 1;
    if (build == 0) {
      archive& side;
    } else {
      archive& other& other;
    }
  }
};

}  // namespace
}  // namespace rondo::test

BOOST_CLASS_EXPORT(rondo::test::Disk)
BOOST_CLASS_EXPORT(rondo::test::Square)

namespace rondo::test {
namespace {

TEST(Schema, SeesEveryClassBehindAPointerToItsBase) {
  std::vector<std::shared_ptr<Shape>> shapes{std::make_shared<Disk>(), std::make_shared<Square>(), nullptr};
  shapes.push_back(shapes.front());
  EXPECT_NE(refusal_of_the_other_build(shapes).find("this program reads float as value 2 of "),
            std::string::npos);
}

// ---- bytes that are no schema

TEST(Schema, OfBytesThatAreNoneIsRefused) {
  Saved saved;
  (void)saved.save(std::map<int, std::vector<std::optional<Held>>>{{1, {Held(), std::nullopt}}});
  Buffer whole;
  saved.schema().save(whole);
  std::mt19937_64 dice(7);
  for (int i = 0; i < 2'000; ++i) {
    Buffer damaged;
    damaged.append(whole);
    for (std::uint64_t times = 1 + dice() % 3; times > 0; --times)
      damaged.data()[dice() % damaged.size()] = static_cast<std::byte>(dice());
    if (dice() % 4 == 0) damaged.truncate(dice() % damaged.size());
    try {
      const detail::Schema schema{Bytes(damaged)};
      detail::Checker checker(schema);
      Held read;
      Buffer bytes;
      pack(Held(), bytes);
      detail::unpack_checked(bytes, read, &checker);
    } catch (const SerializationError&) {
    }
  }
}

// ---- a value with its description

TEST(Described, AValueIsReadByItsOwnTypeAlone) {
  Buffer bytes;
  detail::pack_described(std::map<std::string, Held>{{"a", Held{5, 6}}}, bytes);
  std::map<std::string, Held> same;
  detail::unpack_described(bytes, same);
  EXPECT_EQ(same.at("a").b, 6);
  std::map<std::string, double> other;
  EXPECT_THROW(detail::unpack_described(bytes, other), SerializationError);
  build = 1;
  EXPECT_THROW(detail::unpack_described(bytes, same), SerializationError);
  build = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(detail::unpack_described(Bytes(bytes).first(size), same), SerializationError) << size;
}

}  // namespace
}  // namespace rondo::test
