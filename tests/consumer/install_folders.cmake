# cmake -D SOURCE=folder -D BUILD=folder -D MPI=on|off -D COMPILER=c++ -P install_folders.cmake
#
# Any of the folders that an installation consists of may be absolute: the .pc files name those where things are. The libraries
# are those of BUILD, as where they are installed does not change them.
# CMake refuses to install headers below the sources, so all this is somewhere else.
execute_process(COMMAND mktemp --directory OUTPUT_VARIABLE WORK OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
find_program(PKG_CONFIG pkg-config REQUIRED)

# expect(LIBDIR folder INCLUDEDIR folder): as CMake is given them
function(expect libdir includedir)
  set(prefix ${WORK}/prefix)
  set(build ${WORK}/build)
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${build} -D RONDO_MPI=${MPI} -D CMAKE_CXX_COMPILER=${COMPILER}
      -D RONDO_TESTS=OFF -D RONDO_EXAMPLES=OFF -D CMAKE_INSTALL_PREFIX=${prefix}
      -D CMAKE_INSTALL_LIBDIR=${libdir} -D CMAKE_INSTALL_INCLUDEDIR=${includedir}
    OUTPUT_QUIET RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    file(REMOVE_RECURSE ${WORK})
    message(FATAL_ERROR "LIBDIR=${libdir} INCLUDEDIR=${includedir}: cannot be configured")
  endif()
  file(COPY ${BUILD}/framework/librondo.a DESTINATION ${build}/framework)
  file(COPY ${BUILD}/framework/stream/librondo_stream.a DESTINATION ${build}/framework/stream)
  file(REMOVE_RECURSE ${prefix} ${WORK}/lib ${WORK}/include)
  execute_process(COMMAND ${CMAKE_COMMAND} --install ${build} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

  cmake_path(ABSOLUTE_PATH libdir BASE_DIRECTORY ${prefix} OUTPUT_VARIABLE expected_libdir)
  cmake_path(ABSOLUTE_PATH includedir BASE_DIRECTORY ${prefix} OUTPUT_VARIABLE expected_includedir)
  foreach(package IN ITEMS rondo rondo_stream)
    foreach(variable IN ITEMS libdir includedir)
      execute_process(
        COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${expected_libdir}/pkgconfig ${PKG_CONFIG} --variable=${variable} ${package}
        OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
      cmake_path(NORMAL_PATH found)
      if(NOT found STREQUAL expected_${variable})
        message(SEND_ERROR "LIBDIR=${libdir} INCLUDEDIR=${includedir}: ${package}.pc says ${variable}=${found}, "
          "but it is ${expected_${variable}}")
      endif()
    endforeach()
  endforeach()
  foreach(file IN ITEMS ${expected_libdir}/librondo.a ${expected_includedir}/rondo/rondo.hpp)
    if(NOT EXISTS ${file})
      message(SEND_ERROR "LIBDIR=${libdir} INCLUDEDIR=${includedir}: there is no ${file}")
    endif()
  endforeach()
endfunction()

expect(lib/deep include)
expect(${WORK}/lib include)
expect(lib ${WORK}/include)
expect(${WORK}/lib ${WORK}/include/deep)
file(REMOVE_RECURSE ${WORK})
