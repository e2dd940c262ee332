// A program of which one call of MPI fails on one rank:
//   failing_calls CALL COUNT RANK [returns]
//
// CALL is MPI_Isend, MPI_Improbe, MPI_Comm_dup or MPI_Allreduce; its COUNT-th call on RANK returns an error. "returns": the
// program wants errors to be returned, and gives rondo::run a communicator that does so.
#include <mpi.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <rondo/mpi.hpp>
#include <rondo/rondo.hpp>

namespace {

std::string call;
int count = 0;
std::string rank;

bool fails(const char* name) {
  const char* const mine = std::getenv("OMPI_COMM_WORLD_RANK");
  return call == name && mine != nullptr && rank == mine && --count == 0;
}

class Add : public rondo::Update<std::vector<int>, int, int> {
 public:
  int update(std::vector<int>& state, const int& input, const Call&) override { return state.at(0) += input; }
};

}  // namespace

// In the place of the library's.
extern "C" int MPI_Isend(const void* data, int size, MPI_Datatype type, int to, int tag,
                         MPI_Comm communicator, MPI_Request* request) {
  return fails("MPI_Isend") ? MPI_ERR_INTERN : PMPI_Isend(data, size, type, to, tag, communicator, request);
}
extern "C" int MPI_Improbe(int from, int tag, MPI_Comm communicator, int* found, MPI_Message* message,
                           MPI_Status* status) {
  return fails("MPI_Improbe") ? MPI_ERR_INTERN
                              : PMPI_Improbe(from, tag, communicator, found, message, status);
}
extern "C" int MPI_Comm_dup(MPI_Comm communicator, MPI_Comm* copy) {
  return fails("MPI_Comm_dup") ? MPI_ERR_COMM : PMPI_Comm_dup(communicator, copy);
}
extern "C" int MPI_Allreduce(const void* in, void* out, int size, MPI_Datatype type, MPI_Op operation,
                             MPI_Comm communicator) {
  return fails("MPI_Allreduce") ? MPI_ERR_INTERN
                                : PMPI_Allreduce(in, out, size, type, operation, communicator);
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  call = argv[1];
  count = std::atoi(argv[2]);
  rank = argv[3];
  const auto program = [](rondo::Master<Add>& master) {
    master.reset(std::vector<std::vector<int>>(9, std::vector<int>(1)));
    int sum = 0;
    for (int round = 0; round < 3; ++round)
      for (const int output : master.update(1)) sum += output;
    std::cout << "sum " << sum << std::endl;
  };
  if (argc < 5) return rondo::run<Add>(argc, argv, program);
  MPI_Init(nullptr, nullptr);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  const int status = rondo::run<Add>(MPI_COMM_WORLD, argc, argv, program);
  MPI_Finalize();
  return status;
}
