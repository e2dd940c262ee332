# rondo_mpi_identity(VARIABLE FOLDER...): which MPI the mpi.h is that a compilation with these include folders finds, such as
# "Open MPI 4"; "another MPI" if it is none of those that are known. Programs and libraries that agree in it can be linked: Open MPI keeps its
# binary interface within a major version, and MPICH, Intel MPI and MVAPICH2 have one in common.
function(rondo_mpi_identity variable)
  set(folders ${ARGN})
  list(TRANSFORM folders PREPEND -I)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/rondo_mpi_identity.cpp)
  file(WRITE ${source} "#include <mpi.h>\n")
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} ${folders} -dM -E ${source} OUTPUT_VARIABLE macros ERROR_QUIET)
  set(identity "another MPI")
  if(macros MATCHES "#define OMPI_MAJOR_VERSION ([0-9]+)")
    set(identity "Open MPI ${CMAKE_MATCH_1}")
  elseif(macros MATCHES "#define (MPICH|I_MPI|MVAPICH2)_(NUM)?VERSION ")
    set(identity "MPICH")
  endif()
  set(${variable} ${identity} PARENT_SCOPE)
endfunction()
