// Starts and ends MPI: what any program under mpirun costs before it does anything.
#include <mpi.h>

#include <cstdio>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) std::printf("{\"name\":\"empty-mpi\"}\n");
  MPI_Finalize();
}
