// Programs with one mistake each, which MISTAKE names. A test for each expects that the compiler's first error is a sentence of
// Rondo's, and that there is little else.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <rondo/rondo.hpp>

namespace forgotten_serialize {
struct State {
  std::vector<double> values;
};
struct Update : rondo::Update<State, int, int> {
  int update(State&, const int&, const Call&) override { return 0; }
};
}  // namespace forgotten_serialize

namespace forgotten_serialize_of_a_member {
struct Member {
  std::vector<double> values;
};
struct State {
  Member member;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& member;
  }
};
struct Update : rondo::Update<State, int, int> {
  int update(State&, const int&, const Call&) override { return 0; }
};
}  // namespace forgotten_serialize_of_a_member

namespace forgotten_serialize_of_elements {
struct Element {
  std::vector<double> values;
};
struct Update : rondo::Update<int, std::map<int, std::vector<Element>>, int> {
  int update(int&, const std::map<int, std::vector<Element>>&, const Call&) override { return 0; }
};
}  // namespace forgotten_serialize_of_elements

namespace other_signature {
struct Update : rondo::Update<int, int, int> {
  int update(int&, int, const Call&) { return 0; }
};
}  // namespace other_signature

namespace abstract {
struct Update : rondo::Update<int, int, int> {};
}  // namespace abstract

namespace no_default_constructor {
struct Update : rondo::Update<int, int, int> {
  explicit Update(int) {}
  int update(int&, const int&, const Call&) override { return 0; }
};
}  // namespace no_default_constructor

namespace private_constructor {
class Update : public rondo::Update<int, int, int> {
  Update() = default;
  int update(int&, const int&, const Call&) override { return 0; }
};
}  // namespace private_constructor

namespace array_of_unknown_length {
using State = std::unique_ptr<double[]>;
struct Update : rondo::Update<State, int, int> {
  int update(State&, const int&, const Call&) override { return 0; }
};
}  // namespace array_of_unknown_length

namespace member_of_unknown_length {
struct State {
  std::shared_ptr<double[]> values;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& values;
  }
};
struct Update : rondo::Update<State, int, int> {
  int update(State&, const int&, const Call&) override { return 0; }
};
}  // namespace member_of_unknown_length

namespace state_that_cannot_be_made {
struct State {
  explicit State(int) {}
  int n = 0;
};
struct Update : rondo::Update<State, int, int> {
  int update(State&, const int&, const Call&) override { return 0; }
};
}  // namespace state_that_cannot_be_made

namespace output_that_cannot_be_made {
struct Output {
  explicit Output(int) {}
  int n = 0;
};
struct Update : rondo::Update<int, int, Output> {
  Output update(int&, const int&, const Call&) override { return Output(0); }
};
}  // namespace output_that_cannot_be_made

#define MAIN_OF_ANOTHER 1
#define FACTORY_OF_ANOTHER 2
#define NOT_DERIVED 3
#define NO_OUTPUT 4

#if KIND == NO_OUTPUT
namespace no_output {
struct Update : rondo::Update<int, int, void> {
  void update(int&, const int&, const Call&) override {}
};
}  // namespace no_output
#endif

namespace not_derived {
struct Update {
  int update(int&, const int&) { return 0; }
};
}  // namespace not_derived

namespace right {
struct Update : rondo::Update<int, int, int> {
  int update(int&, const int&, const Call&) override { return 0; }
};
}  // namespace right

int main(int argc, char** argv) {
#if KIND == MAIN_OF_ANOTHER
  return rondo::run<right::Update>(argc, argv, [](int) {});
#elif KIND == FACTORY_OF_ANOTHER
  return rondo::run<right::Update>(
      argc, argv, [] { return std::string(); }, [](rondo::Master<right::Update>&) {});
#elif KIND == NOT_DERIVED
  return rondo::run<not_derived::Update>(argc, argv, [](rondo::Master<not_derived::Update>&) {});
#else
  using MISTAKE::Update;
  return rondo::run<Update>(argc, argv, [](rondo::Master<Update>& master) {
    int progress = 0;
    if (!master.resume(progress)) master.reset(std::vector<Update::StateType>());
    for (; progress < 10; ++progress) {
      master.safe_point(progress);
      const std::vector<Update::InputType> inputs(master.size());
      for (const auto& output : master.update(inputs)) (void)output;
    }
    (void)master.states();
  });
#endif
}
