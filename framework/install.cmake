# The package: headers, library, and what find_package(rondo) and pkg-config read. It can be moved after installing.
include(CMakePackageConfigHelpers)

find_path(RONDO_RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)  # librandom123-dev; users compile with it

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/rondo)
set(targets rondo rondo_interface rondo_stream)
set_target_properties(rondo_interface PROPERTIES EXPORT_NAME interface)

set(headers FILES_MATCHING PATTERN *.hpp)
if(NOT RONDO_MPI)
  list(APPEND headers PATTERN mpi.hpp EXCLUDE)
endif()
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${headers})
install(TARGETS ${targets} EXPORT rondo)
install(EXPORT rondo NAMESPACE rondo:: FILE rondo-targets.cmake DESTINATION ${package_folder})

if(RONDO_MPI)
  rondo_mpi_identity(RONDO_MPI_IDENTITY ${MPI_CXX_INCLUDE_DIRS})
  string(JOIN " " RONDO_MPI_LIBRARIES ${MPI_CXX_LIBRARIES})
  install(FILES mpi_identity.cmake DESTINATION ${package_folder})
endif()
configure_package_config_file(rondo-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/rondo-config.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/rondo-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rondo-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/rondo-config-version.cmake
  DESTINATION ${package_folder})

# pkg-config knows no targets, so it gets the files that they stand for. A folder of GNUInstallDirs may be absolute: then it
# stays where it is, and so does the prefix if the .pc files cannot tell it from where they are.
set(pkgconfig_folder ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(RONDO_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH up /prefix/${pkgconfig_folder} /prefix)
  string(REGEX REPLACE "/$" "" up ${up})
  set(RONDO_PC_PREFIX "\${pcfiledir}/${up}")
endif()
foreach(folder IN ITEMS INCLUDEDIR LIBDIR)
  cmake_path(APPEND RONDO_PC_${folder} "\${prefix}" "${CMAKE_INSTALL_${folder}}")
endforeach()
set(libraries $<TARGET_LINKER_FILE:Boost::serialization> $<TARGET_LINKER_FILE:Boost::program_options>)
set(include_folders ${RONDO_RANDOM123_INCLUDE_DIR} $<TARGET_PROPERTY:Boost::headers,INTERFACE_INCLUDE_DIRECTORIES>)
if(RONDO_MPI)
  list(PREPEND libraries $<TARGET_LINKER_FILE:Boost::mpi>)
  list(APPEND libraries ${MPI_CXX_LIBRARIES})
  list(APPEND include_folders ${MPI_CXX_INCLUDE_DIRS})
endif()
set(RONDO_PKGCONFIG_LIBS "$<JOIN:${libraries}, >")
set(RONDO_PKGCONFIG_CFLAGS "-I$<JOIN:${include_folders}, -I>")
configure_file(rondo.pc.in ${CMAKE_CURRENT_BINARY_DIR}/rondo.pc.in @ONLY)
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/rondo.pc INPUT ${CMAKE_CURRENT_BINARY_DIR}/rondo.pc.in)
configure_file(rondo_stream.pc.in ${CMAKE_CURRENT_BINARY_DIR}/rondo_stream.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rondo.pc ${CMAKE_CURRENT_BINARY_DIR}/rondo_stream.pc
  DESTINATION ${pkgconfig_folder})

# What starts a program: rondo-run beside mpirun, and the job scripts, to be copied where jobs are submitted.
if(RONDO_MPI)
  set(scripts ${PROJECT_SOURCE_DIR}/slurm)
  install(PROGRAMS ${scripts}/rondo-run DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(DIRECTORY ${scripts} DESTINATION ${CMAKE_INSTALL_DATADIR}/rondo
    FILES_MATCHING PATTERN *.sbatch PATTERN README.md PATTERN site.env.example)
endif()
