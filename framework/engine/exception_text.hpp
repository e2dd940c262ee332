// What is told of an exception, whatever the program throws: texts are made of one nowhere else.
//
// For any thread. The functions throw nothing but std::bad_alloc.
#pragma once

#include <exception>
#include <string>

namespace rondo::engine {

/// The text of the exception that is being handled; to be called inside of a catch block. It is what() if that says anything.
/// Otherwise it names the type; a number or a text that was thrown is told too. All exceptions that are nested in it follow,
/// each with its type: "no convergence; because of Singular: row 3".
[[nodiscard]] std::string exception_text();

/// The same with the type in front: "std::runtime_error: no convergence".
[[nodiscard]] std::string exception_text_with_type();
[[nodiscard]] std::string exception_text_with_type(const std::exception& error);  // handled or not

}  // namespace rondo::engine
