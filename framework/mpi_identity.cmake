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

# rondo_foreign_mpi(VARIABLE LIBRARY MPI_LIBRARY...): the MPI libraries that this shared library needs and that are none of the given
# ones, such as "libmpich.so.12"; empty for a static library, which does not tell. Two MPIs in one process crash at the first call.
function(rondo_foreign_mpi variable library)
  set(soname "SONAME +([^ \n]+)")
  set(known)
  foreach(mpi IN LISTS ARGN)
    execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${mpi} OUTPUT_VARIABLE header ERROR_QUIET)
    if(header MATCHES "${soname}")
      list(APPEND known ${CMAKE_MATCH_1})
    endif()
  endforeach()
  execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${library} OUTPUT_VARIABLE header ERROR_QUIET)
  string(REGEX MATCHALL "NEEDED +lib(mpi|mpich|mpicxx|mpi_cxx|mpichcxx)[.]so[^ \n]*" needed "${header}")
  list(TRANSFORM needed REPLACE "NEEDED +" "")
  if(known)
    list(REMOVE_ITEM needed ${known})
  endif()
  set(${variable} ${needed} PARENT_SCOPE)
endfunction()

# rondo_boost_mpi_refusal(VARIABLE): what to say if the Boost.MPI and the MPI that were found do not go together; else empty.
function(rondo_boost_mpi_refusal variable)
  set(${variable} "" PARENT_SCOPE)
  get_target_property(location Boost::mpi LOCATION)
  rondo_foreign_mpi(foreign "${location}" ${MPI_CXX_LIBRARIES})
  if(foreign)
    string(JOIN " " refusal "Boost.MPI (${location}) was built with another MPI (${foreign}) than the one that is found"
      "(${MPI_CXX_LIBRARIES}). Let CMake find that one (MPI_CXX_COMPILER or MPI_HOME says where), or a Boost.MPI that was built"
      "with the MPI that is found (Boost_ROOT)")
    set(${variable} ${refusal} PARENT_SCOPE)
  endif()
endfunction()
