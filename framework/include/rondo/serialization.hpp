// Values to bytes and back, for messages between ranks that run the same build.
//
// What travels, and how:
// - a trivially copyable type without a serialize(), and vectors, arrays, strings, pairs and tuples of such: as
//   one block of memory, nothing to write. Bytes between its members become zeros (with GCC), so that equal values have equal
//   bytes. A pointer, a reference or a view among its members is a compile-time error, if
//   the members can be seen: those of an aggregate (all public, no constructor), also inside arrays, optionals and other
//   aggregates. Private members, the second and later members of a union, and members behind an array of more than 1024
//   elements are not seen. Give a class that has pointers there a serialize().
// - containers of the standard library, optional, variant, unique_ptr, shared_ptr, nested at will: in Rondo's own
//   way. A hashed container keeps its order; what two shared_ptrs own is one object on the other side too.
// - classes with a serialize() (member or free, whole or save and load, versioned), pointers to them and to their
//   base classes: as Boost.Serialization documents them, but without its headers for containers. serialize() is
//   called twice to pack, and has to write the same both times.
// - values inside of values, as the nodes of a list that each serialize the next one: up to 100,000, on any stack
//   (rondo/detail/descent.hpp). To take such a list apart again is up to its destructor: one that goes from node to node by
//   calling itself needs as much stack.
// - views, references, and pointers to what has no serialize(): not at all; a compile-time error says so.
//
// Whether a serialize() is complete cannot be seen from outside: a member that it forgets is lost whenever a state moves, and
// when it moves depends on the schedule. Run each program once with --rondo-check, which moves states all the time, does every
// update twice from the same bytes, and names the first state, round and byte that differ (CheckError).
//
// One thing cannot be seen: a serialize() that is private, in a class that is final and trivially copyable.
// Such a class travels as bytes unless its serialize() is made public.
//
// Thread-safe in the way of the standard library: no shared state.
#pragma once

#include <rondo/detail/compiler.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <typeinfo>

#include <rondo/bytes.hpp>
#include <rondo/detail/archive.hpp>
#include <rondo/detail/codec.hpp>
#include <rondo/detail/containers.hpp>
#include <rondo/detail/owners.hpp>
#include <rondo/detail/products.hpp>
#include <rondo/detail/travel.hpp>
#include <rondo/error.hpp>

#pragma GCC visibility push(default)

namespace rondo {

/// Bytes that are not what the type reads, a pointer to a class that nobody registered, or a serialize() that
/// does not write the same twice.
class SerializationError : public Error {
 public:
  using Error::Error;
};

/// What can be given to pack and unpack. See also travels_as_bytes in detail/travel.hpp.
template <class T>
concept Serializable = detail::can_travel<std::remove_cv_t<T>>();

namespace detail {
[[noreturn]] void rethrow(const std::type_info& type,
                          const char* doing);  // the current exception of Boost's, as ours
}

/// The exact number of bytes that pack appends for this value.
template <class T>
[[nodiscard]] std::size_t packed_size(const T& value) {
  if constexpr (travels_as_bytes<T>) {
    return sizeof(T);
  } else {
    try {
      detail::Counter counter;
      detail::encode(counter, value);
      return counter.size();
    } catch (const boost::archive::archive_exception&) {
      detail::rethrow(typeid(T), "pack");
    }
  }
}

namespace detail {

template <class T>
void pack_recorded(const T& value, Buffer& out, Recorder* recorder) {
  const std::size_t size = packed_size(value);
  const std::size_t before = out.size();
  Writer writer(out.extend(size), size, recorder);
  if constexpr (travels_as_bytes<T>) {
    encode(writer, value);
  } else {
    try {
      encode(writer, value);
      writer.finish();
    } catch (const boost::archive::archive_exception&) {
      out.truncate(before);
      rethrow(typeid(T), "pack");
    } catch (...) {
      out.truncate(before);
      throw;
    }
  }
}

template <class T>
void unpack_checked(Bytes bytes, T& value, Checker* checker) {
  Reader reader(bytes, checker);
  if constexpr (travels_as_bytes<T>) {
    if (bytes.size() > sizeof(T)) fail_long(sizeof(T), bytes.size());
    decode(reader, value);
  } else {
    try {
      decode(reader, value);
    } catch (const boost::archive::archive_exception&) {
      rethrow(typeid(T), "unpack");
    }
    reader.finish();
  }
}

}  // namespace detail

/// Appends the value. The buffer is as before if a serialize() throws.
template <class T>
void pack(const T& value, Buffer& out) {
  detail::pack_recorded(value, out, nullptr);
}

/// Reads a value that pack wrote, from exactly these bytes. Whatever they are, nothing is read outside of them, and
/// no memory is taken by a count that they cannot hold; only what a serialize() reads as mere numbers is up to it.
/// After an exception the value is valid but unspecified, and Boost has lost the object, if any, that it was
/// reading through a pointer. Fastest if the bytes begin at a multiple of 16 in memory.
template <class T>
void unpack(Bytes bytes, T& value) {
  detail::unpack_checked(bytes, value, nullptr);
}

}  // namespace rondo

#pragma GCC visibility pop
