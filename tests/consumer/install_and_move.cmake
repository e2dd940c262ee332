# cmake -D BUILD=folder -D PREFIX=folder -P install_and_move.cmake: installs into PREFIX/first and moves that to PREFIX/moved.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}/first
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${PREFIX}/first ${PREFIX}/moved)
