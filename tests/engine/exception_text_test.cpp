// What is told of exceptions, and that everything a program may throw, wherever it throws it, comes to an end that tells it.
#include "engine/exception_text.hpp"

#include <gtest/gtest.h>

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <rondo/ranks.hpp>
#include <rondo/rondo.hpp>
#include <rondo/stream.hpp>

#include "command_line.hpp"
#include "resilience/temporary_folder.hpp"

namespace rondo::test {

struct Mute : std::exception {
  const char* what() const noexcept override { return nullptr; }
};
struct Empty : std::exception {
  const char* what() const noexcept override { return ""; }
};
struct Code {
  int code;
};
struct Holder : std::nested_exception {};
enum class Odd { one };

namespace {

struct Case {
  std::function<void()> fail;  // throws
  std::string text;
  std::string text_with_type;
};

template <class Inner>
void throw_within(const Inner& inner, const char* text) {
  try {
    throw inner;
  } catch (...) {
    std::throw_with_nested(std::runtime_error(text));
  }
}

std::vector<Case> cases() {
  return {
      {[] { throw std::runtime_error("boom"); }, "boom", "std::runtime_error: boom"},
      {[] { throw Mute(); }, "an exception of type rondo::test::Mute, which has no text",
       "rondo::test::Mute, which has no text"},
      {[] { throw Empty(); }, "an exception of type rondo::test::Empty, which has no text",
       "rondo::test::Empty, which has no text"},
      {[] { throw 7; }, "an exception of type int: 7", "int: 7"},
      {[] { throw 7UL; }, "an exception of type unsigned long: 7", "unsigned long: 7"},
      {[] { throw "boom"; }, "an exception of type char const*: boom", "char const*: boom"},
      {[] { throw static_cast<const char*>(nullptr); }, "an exception of type char const*, which has no text",
       "char const*, which has no text"},
      {[] { throw Code{3}; }, "an exception of type rondo::test::Code, which has no text",
       "rondo::test::Code, which has no text"},
      {[] { throw Odd::one; }, "an exception of type rondo::test::Odd, which has no text",
       "rondo::test::Odd, which has no text"},
      {[] { throw_within(std::logic_error("row 3"), "no solution"); },
       "no solution; because of std::logic_error: row 3",
       "std::runtime_error: no solution; because of std::logic_error: row 3"},
      {[] { throw_within(Mute(), "no solution"); },
       "no solution; because of rondo::test::Mute, which has no text",
       "std::runtime_error: no solution; because of rondo::test::Mute, which has no text"},
      {[] {
         try {
           throw_within(5, "no solution");
         } catch (...) {
           std::throw_with_nested(Empty());
         }
       },
       "an exception of type rondo::test::Empty, which has no text; because of std::runtime_error: no "
       "solution; "
       "because of int: 5",
       "rondo::test::Empty, which has no text; because of std::runtime_error: no solution; because of int: "
       "5"},
      {[] {
         try {
           throw Code{1};
         } catch (...) {
           throw Holder();
         }
       },
       "an exception of type rondo::test::Holder, which has no text; because of rondo::test::Code, which has "
       "no "
       "text",
       "rondo::test::Holder, which has no text; because of rondo::test::Code, which has no text"},
  };
}

TEST(ExceptionText, TellsTypeTextAndWhatIsNested) {
  for (const Case& each : cases()) {
    try {
      each.fail();
    } catch (...) {
      EXPECT_EQ(engine::exception_text(), each.text);
      EXPECT_EQ(engine::exception_text_with_type(), each.text_with_type);
    }
    try {
      each.fail();
    } catch (const std::exception& error) {
      EXPECT_EQ(engine::exception_text_with_type(error), each.text_with_type);
    } catch (...) {
    }
  }
}

TEST(ExceptionText, OfAVeryLongChainEnds) {
  std::exception_ptr error = std::make_exception_ptr(std::runtime_error("first"));
  for (int i = 0; i < 1'000; ++i) {
    try {
      std::rethrow_exception(error);
    } catch (...) {
      try {
        std::throw_with_nested(std::runtime_error("next"));
      } catch (...) {
        error = std::current_exception();
      }
    }
  }
  try {
    std::rethrow_exception(error);
  } catch (...) {
    const std::string text = engine::exception_text();
    EXPECT_LT(text.size(), 1'000U);
    EXPECT_TRUE(text.ends_with("; and more")) << text;
  }
}

// ---- everywhere

enum class Place { nowhere, update, save, load };
const Case* thrown = nullptr;
Place place = Place::nowhere;

void fail_at(Place here) {
  if (place == here) thrown->fail();
}

struct State {
  int number = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (Archive::is_saving::value) fail_at(Place::save);
    archive& number;
    if (Archive::is_loading::value) fail_at(Place::load);
  }
};

class Fails : public Update<State, int, int> {
 public:
  int update(State& state, const int& input, const Call&) override {
    fail_at(Place::update);
    return state.number += input;
  }
};

template <class Call>
void expect_told(const Call& call, const Case& told) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown, which should have told " << told.text;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(told.text), std::string::npos) << error.what();
    const std::string text = error.what();
    EXPECT_TRUE(text.find("state ") != std::string::npos || text.find("task ") != std::string::npos) << text;
  } catch (...) {
    ADD_FAILURE() << "no rondo::Error, but " << engine::exception_text_with_type();
  }
  place = Place::nowhere;
}

TEST(Exceptions, OfAnyTypeAreToldWhereverTheyAreThrown) {
  const std::vector<Case> all = cases();
  for (const char* option : {"--rondo-rollback=off", "--rondo-rollback"}) {
    TemporaryFolder folder;
    EXPECT_EQ(0, run_with<Fails>({"--rondo-workers=2", option}, [&](Master<Fails>& master) {
                master.reset(std::vector<State>(3));
                (void)master.checkpoint(folder / "c");
                for (const Case& each : all) {
                  SCOPED_TRACE(each.text);
                  thrown = &each;
                  place = Place::update;
                  expect_told([&] { (void)master.update(1); }, each);
                  place = Place::update;
                  expect_told(
                      [&] {
                        (void)evaluate_on(master, from_range(std::vector{1, 2}) | on_ranks(master));
                      },
                      each);
                  place = Place::save;
                  expect_told([&] { (void)master.states(); }, each);
                  place = Place::load;
                  expect_told([&] { (void)master.states(); }, each);
                  place = Place::load;
                  expect_told([&] { (void)master.state(master.ids()[0]); }, each);
                  place = Place::save;
                  expect_told([&] { master.checkpoint(folder / "c"); }, each);
                  place = Place::load;
                  expect_told([&] { (void)master.restore(folder / "c"); }, each);
                  EXPECT_TRUE(master.restore(folder / "c"));
                  EXPECT_EQ(master.update(1), std::vector<int>(3, 1));
                }
              }));
  }
}

TEST(Exceptions, OfAnyTypeThatLeaveMainAreToldAndFail) {
  for (const Case& each : cases()) {
    testing::internal::CaptureStderr();
    const int status = run_with<Fails>({"--rondo-workers=2"}, [&](Master<Fails>&) { each.fail(); });
    const std::string told = testing::internal::GetCapturedStderr();
    EXPECT_EQ(status, EXIT_FAILURE);
    EXPECT_NE(told.find("rondo: rank 0: " + each.text_with_type + "\n"), std::string::npos) << told;
  }
}

}  // namespace
}  // namespace rondo::test
