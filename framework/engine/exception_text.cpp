#include "engine/exception_text.hpp"

#include <cxxabi.h>

#include <string_view>
#include <typeinfo>

#include <boost/core/demangle.hpp>

namespace rondo::engine {

namespace {

constexpr int kNestedMost = 20;  // more are a loop, or nobody reads them

struct Link {
  std::string type;
  std::string text;           // empty: it has none
  std::exception_ptr nested;  // null: there is none
  bool is_standard;           // a std::exception
};

// What std::throw_with_nested throws is of a type that is made from the program's.
std::string readable(const std::type_info& type) {
  std::string name = boost::core::demangle(type.name());
  constexpr std::string_view kWrapper = "std::_Nested_exception<";
  if (!name.starts_with(kWrapper)) return name;
  name.erase(0, kWrapper.size());
  name.pop_back();
  return name;
}

// The text of the exception that is being handled.
std::string thrown_type() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  return type != nullptr ? readable(*type) : "an exception of another language";
}

std::string thrown_value() {
  try {
    throw;
  } catch (const std::string& text) {
    return text;
  } catch (const char* text) {
    return text != nullptr ? text : "";
  } catch (int number) {
    return std::to_string(number);
  } catch (long number) {
    return std::to_string(number);
  } catch (unsigned number) {
    return std::to_string(number);
  } catch (unsigned long number) {
    return std::to_string(number);
  } catch (...) {
    return "";
  }
}

Link link_of(const std::exception& error) {
  Link link{readable(typeid(error)), "", nullptr, true};
  if (const char* const text = error.what(); text != nullptr) link.text = text;
  if (const auto* const holder = dynamic_cast<const std::nested_exception*>(&error))
    link.nested = holder->nested_ptr();
  return link;
}

Link current() {
  try {
    throw;
  } catch (const std::exception& error) {
    return link_of(error);
  } catch (const std::nested_exception& error) {
    return {thrown_type(), "", error.nested_ptr(), false};
  } catch (...) {
    return {thrown_type(), thrown_value(), nullptr, false};
  }
}

Link link_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (...) {
    return current();
  }
}

std::string with_type(const Link& link) {
  return link.text.empty() ? link.type + ", which has no text" : link.type + ": " + link.text;
}

std::string causes(Link link) {
  std::string text;
  for (int count = 0; link.nested != nullptr; ++count) {
    if (count == kNestedMost) return text + "; and more";
    link = link_of(link.nested);
    text += "; because of " + with_type(link);
  }
  return text;
}

}  // namespace

std::string exception_text() {
  const Link link = current();
  // a number or a text alone says too little of what happened
  const std::string text =
      link.is_standard && !link.text.empty() ? link.text : "an exception of type " + with_type(link);
  return text + causes(link);
}

std::string exception_text_with_type() {
  const Link link = current();
  return with_type(link) + causes(link);
}

std::string exception_text_with_type(const std::exception& error) {
  const Link link = link_of(error);
  return with_type(link) + causes(link);
}

}  // namespace rondo::engine
