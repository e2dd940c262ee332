// A program that uses MPI itself, before and after its run.
#include <mpi.h>

#include <rondo/mpi.hpp>
#include <rondo/rondo.hpp>

#include <iostream>
#include <numeric>
#include <vector>

class Add : public rondo::Update<long, long, long> {
 public:
  // No MPI in here: it is the thread beside this one that communicates.
  long update(long& state, const long& input, const Call&) override { return state += input; }
};

int main(int argc, char** argv) {
  int provided = 0, rank = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  long each = rank == 0 ? 7 : 0;
  MPI_Bcast(&each, 1, MPI_LONG, 0, MPI_COMM_WORLD);

  long sum = 0;  // set on rank 0
  const int status = rondo::run<Add>(MPI_COMM_WORLD, argc, argv, [&](rondo::Master<Add>& master) {
    master.reset(std::vector<long>(100, each));
    const std::vector<long> outputs = master.update(1);
    sum = std::accumulate(outputs.begin(), outputs.end(), 0L);
  });

  MPI_Bcast(&sum, 1, MPI_LONG, 0, MPI_COMM_WORLD);  // every rank has left the run
  long check = 0;
  const long mine = sum == 800 ? 1 : 0;
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Reduce(&mine, &check, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
  if (rank == 0)
    std::cout << "sum " << sum << ", known to " << (check == size ? "all" : "some") << " ranks\n";
  MPI_Finalize();
  return status;
}
