# The environment of everything that CTest runs under mpirun. Rank counts are awkward on purpose, and most machines have
# fewer cores than the test has ranks.
set(RONDO_MPI_TEST_ENVIRONMENT
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
  OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_base_warn_component_unused=0)
if(RONDO_SANITIZE MATCHES address)
  # Open MPI keeps what it has allocated until the end, and in modules that it has unloaded by then, which no suppression
  # can name. Rondo's own leaks show in the same tests without a launcher.
  list(APPEND RONDO_MPI_TEST_ENVIRONMENT ASAN_OPTIONS=detect_leaks=0)
endif()
