// A program of which one worker is killed, or stands still, between the start of the process and the first round:
//   early_end PLACE SIGNAL
//
// PLACE is where rank 2 sends itself SIGNAL: start (before rondo::run), init (in MPI_Init), meeting (in a collective call of MPI), welcome (when it is
// about to become a worker), reset (when it has been given its states, and before the first round).
#include <mpi.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <rondo/rondo.hpp>

namespace {

std::string where;
int signal_number = 0;

void meet_fate(const std::string& place) {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (place == where && rank != nullptr && std::string(rank) == "2") (void)raise(signal_number);
}

struct State {
  int value = 1;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& value;
    if (Archive::is_loading::value) meet_fate("reset");
  }
};

class Add : public rondo::Update<State, int, int> {
 public:
  int update(State& state, const int& input, const Call&) override { return state.value += input; }
};

}  // namespace

// In the place of the library's.
extern "C" int MPI_Init_thread(int* argc, char*** argv, int wanted, int* provided) {
  meet_fate("init");
  return PMPI_Init_thread(argc, argv, wanted, provided);
}
extern "C" int MPI_Barrier(MPI_Comm communicator) {
  meet_fate("meeting");
  return PMPI_Barrier(communicator);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  where = argv[1];
  signal_number = std::atoi(argv[2]);
  meet_fate("start");
  return rondo::run<Add>(
      argc, argv,
      [] {
        meet_fate("welcome");
        return Add();
      },
      [](rondo::Master<Add>& master) {
        master.reset(std::vector<State>(9));
        int sum = 0;
        for (int round = 0; round < 3; ++round)
          for (const int output : master.update(1)) sum += output;
        std::cout << "sum " << sum << " on " << master.workers() << std::endl;
      });
}
