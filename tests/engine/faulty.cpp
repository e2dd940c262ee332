// An ensemble with a solver behind a handle, and a fault that the first argument chooses: "none" is the correct program.
// check_test starts it with --rondo-check.
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <rondo/rondo.hpp>

namespace {

std::string fault;

// Finds the root of x^3 + x = b by a few of Newton's steps from where the last call has ended, so that the last digits depend
// on its history.
class Solver {
 public:
  void begin_at(double guess) { guess_ = guess; }
  double solve(double b) {
    for (int i = 0; i < 2; ++i) guess_ -= (guess_ * guess_ * guess_ + guess_ - b) / (3 * guess_ * guess_ + 1);
    return guess_;
  }

 private:
  double guess_ = 0;
};

// Travels as bytes, and has some that belong to no member.
struct Mark {
  char kind;
  double value;
};

// Where the compiler can clear such bytes, they hold something else each time.
Mark mark(double value) {
  Mark result;
#if __has_builtin(__builtin_clear_padding)
  static std::atomic<unsigned char> rubbish = 0;  // several workers mark at a time
  std::memset(static_cast<void*>(&result), ++rubbish, sizeof result);
#endif
  result.kind = 'm';
  result.value = value;
  return result;
}

struct Cell {
  double x = 1;
  int steps = 0;
  std::vector<Mark> marks;
  std::unique_ptr<Solver> solver = std::make_unique<Solver>();

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x& marks;
    if (fault != "forgotten") archive& steps;
    if (Archive::is_loading::value) {
      solver = std::make_unique<Solver>();
      if (fault == "lopsided") ++steps;
    }
  }
};

class Step : public rondo::Update<Cell, double, double, double> {
 public:
  double update(Cell& cell, const double& input, const Call& call) override {
    ++done_;
    ++cell.steps;
    if (fault != "history") cell.solver->begin_at(cell.x);
    cell.x = cell.solver->solve(input + call.context() + cell.steps % 5);
    cell.x += 1e-3 * static_cast<double>(call.random()() % 1000);
    if (fault == "global") cell.x += global++;
    if (fault == "address") cell.x += static_cast<double>(reinterpret_cast<std::uintptr_t>(&cell) % 1009);
    if (fault == "update") cell.x += done_;
    if (fault == "output") return global++;
    scratch_.push_back(cell.x);
    cell.marks.resize(2);
    cell.marks[cell.steps % 2] = mark(cell.x);
    return cell.x;
  }

 private:
  static inline std::atomic<int> global = 0;
  int done_ = 0;
  std::vector<double> scratch_;  // influences nothing
};

double sum(std::span<const double> values) {
  double total = 0;
  for (const double each : values) total += each;
  return total;
}

int go(rondo::Master<Step>& master) {
  std::cout.precision(17);
  master.reset(std::vector<Cell>(12));
  for (int round = 0; round < 10; ++round) std::cout << sum(master.update(0.5 * round)) << "\n";
  master.share(0.25);
  std::vector<double> inputs(12);
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = 0.1 * static_cast<double>(i);
  std::cout << sum(master.update(inputs)) << "\n";
  std::vector<std::uint32_t> offspring(12, 1);
  offspring[2] = 4;
  offspring[3] = 0;
  master.resample(offspring);
  master.evolve(inputs, [](std::size_t round, std::span<const double> outputs) {
    std::cout << round << " " << sum(outputs) << "\n";
  });
  return 0;
}

int go_on(rondo::Master<Step>& master) {
  try {
    return go(master);
  } catch (const rondo::CheckError& error) {
    std::cout << "caught " << value(error.state()) << " " << error.round() << " " << error.position()
              << std::endl;
    return 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) fault = argv[1];
  return argc > 2 && std::string(argv[2]) == "caught" ? rondo::run<Step>(argc, argv, go_on)
                                                      : rondo::run<Step>(argc, argv, go);
}
