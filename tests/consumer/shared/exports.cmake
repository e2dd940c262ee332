# cmake -D NM=nm -D LIBRARIES=file,file -P exports.cmake: a shared library exports what the public headers declare, and nothing
# of the layers inside. (Templates of std, made for types of the inside, do no harm.)
string(REPLACE "," ";" LIBRARIES "${LIBRARIES}")
set(all "")
foreach(library IN LISTS LIBRARIES)
  execute_process(COMMAND ${NM} --dynamic --defined-only --demangle --format=just-symbols ${library}
    OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(APPEND all "${symbols}")
endforeach()

foreach(public IN ITEMS "rondo::detail::run_program(" "rondo::detail::Writer::open(" "rondo::detail::check_inputs("
                        "typeinfo for rondo::UpdateError" "rondo::streaming::evaluate(" "rondo::CoreBudget::CoreBudget(")
  string(FIND "${all}" "\n${public}" found)
  if(found EQUAL -1)
    message(SEND_ERROR "the shared libraries do not export ${public}")
  endif()
endforeach()

set(inside "(engine|scheduler|recovery|transport|checkpoint|mpi|simulation)::|streaming::(Crew|Baton|CoreShare|Evaluation|Meter)")
string(REGEX MATCHALL "\n((vtable|typeinfo|typeinfo name|guard variable|VTT) for )?rondo::(${inside})[^\n]*" found "${all}")
if(found)
  message(SEND_ERROR "the shared libraries export what is inside:${found}")
endif()
string(REGEX MATCHALL "\n[^\n]*\\(anonymous namespace\\)::[^\n]*" found "${all}")
if(found)
  message(SEND_ERROR "the shared libraries export what belongs to one file:${found}")
endif()
