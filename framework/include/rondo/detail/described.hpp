// Values that a later build of the program may read: packed together with what is needed to tell whether its types are still
// read alike. Used for what a checkpoint keeps beside the states: the context and the program's own progress.
//
// Layout: the packed value; its schema, if a serialize() wrote any of it; 8 bytes with the shape of its type; 8 bytes with
// the size of the schema.
#pragma once

#include <cstddef>
#include <cstdint>

#include <rondo/detail/schema.hpp>
#include <rondo/detail/shape.hpp>
#include <rondo/serialization.hpp>

namespace rondo::detail {

struct DescribedEnd {
  std::uint64_t shape;
  std::uint64_t schema_size;
};

/// Appends the value and its description.
template <class T>
void pack_described(const T& value, Buffer& out) {
  Recorder recorder;
  recorder.begin();
  pack_recorded(value, out, &recorder);
  const std::size_t before = out.size();
  if (!recorder.schema().empty()) recorder.schema().save(out);
  pack(DescribedEnd{shape_of<T>(), out.size() - before}, out);
}

/// Reads a value that pack_described wrote, from exactly these bytes. Throws SerializationError, before a serialize() has seen
/// a value of another type, if this program's T reads other types than were written.
template <class T>
void unpack_described(Bytes bytes, T& value) {
  DescribedEnd end{};
  if (bytes.size() < sizeof end) throw SerializationError("the description of its type is missing");
  rondo::unpack(bytes.last(sizeof end), end);
  if (end.shape != shape_of<T>()) throw SerializationError("it is of another type than this program's");
  bytes = bytes.first(bytes.size() - sizeof end);
  if (end.schema_size > bytes.size())
    throw SerializationError("the description of its type is longer than it is");
  const Bytes packed = bytes.first(bytes.size() - end.schema_size);
  const Schema schema = end.schema_size == 0 ? Schema() : Schema(bytes.last(end.schema_size));
  Checker checker(schema);
  unpack_checked(packed, value, &checker);
}

}  // namespace rondo::detail
