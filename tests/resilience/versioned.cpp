// A program whose classes have version VERSION, and those in its states STATE_VERSION; compiled once for each: it saves a
// checkpoint or goes on from one.
//
//   versioned save DIR      three states, a context and a progress
//   versioned restore DIR   writes what it has read, one line; or the error
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <boost/serialization/version.hpp>
#include <rondo/rondo.hpp>

namespace {

// Version 1 has a second number, version 2 a third.
template <class Tag>
struct Numbers {
  int first = 0;
  int second = -1;
  double third = -1;

  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    archive& first;
    if (version >= 1) archive& second;
    if (version >= 2) archive& third;
  }
};

std::string text(const auto& numbers) {
  return std::to_string(numbers.first) + "," + std::to_string(numbers.second) + "," +
         std::to_string(static_cast<int>(numbers.third));
}

struct InState;
struct InContext;
struct InProgress;
struct Pointed : Numbers<Pointed> {
  virtual ~Pointed() = default;
};

// Of version 0 for ever.
struct State {
  Numbers<InState> direct;
  std::vector<Numbers<InState>> held;
  std::unique_ptr<Pointed> pointed;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& direct& held& pointed;
  }
};

class Sum : public rondo::Update<State, int, std::string, Numbers<InContext>> {
 public:
  std::string update(State& state, const int&, const Call& call) override {
    return text(state.direct) + " " + text(state.held.at(1)) + " " + text(*state.pointed) + " " +
           text(call.context());
  }
};

}  // namespace

BOOST_CLASS_VERSION(Numbers<InState>, STATE_VERSION)
BOOST_CLASS_VERSION(Numbers<InContext>, VERSION)
BOOST_CLASS_VERSION(Numbers<InProgress>, VERSION)
BOOST_CLASS_VERSION(Pointed, STATE_VERSION)

int main(int argc, char** argv) {
  return rondo::run<Sum>(argc, argv, [&](rondo::Master<Sum>& master) {
    Numbers<InProgress> progress;
    if (argv[1] == std::string("save")) {
      progress = {9, 90, 900};
      std::vector<State> states(3);
      for (int i = 0; i < 3; ++i) {
        State& state = states[static_cast<std::size_t>(i)];
        state.direct = {i, 10 * i, 100.0 * i};
        state.held.assign(2, {i + 3, 30, 300});
        state.pointed = std::make_unique<Pointed>();
        state.pointed->first = i + 6;
        state.pointed->second = 60;
      }
      master.reset(std::move(states));
      master.share({7, 70, 700});
      master.checkpoint(argv[2], progress);
      return 0;
    }
    try {
      if (!master.restore(argv[2], progress)) return 1;
      std::cout << master.update(0).at(2) << " " << text(progress) << std::endl;
      return 0;
    } catch (const rondo::CheckpointError& error) {
      std::cout << error.what() << std::endl;
      return 2;
    }
  });
}
