# cmake -D BUILD=folder -D PREFIX=folder -P install_and_move.cmake: installs into PREFIX/first, moves that to PREFIX/moved.
#
# The folder is empty at first, so that a file that is no longer installed is missed; and outside projects use what was
# moved, as a package must not depend on where it was installed to.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}/first
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${PREFIX}/first ${PREFIX}/moved)
