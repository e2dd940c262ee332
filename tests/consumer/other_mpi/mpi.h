#include_next <mpi.h>
#undef OMPI_MAJOR_VERSION
#define MPICH_VERSION "4.0.2"
#define MPICH_NUMVERSION 40002300
