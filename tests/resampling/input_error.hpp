// What a call says that is refused.
#pragma once

#include <string>

#include <rondo/error.hpp>

template <class Error = rondo::InputError, class Act>
std::string error_of(Act act) {
  try {
    static_cast<void>(act());
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}
