// What has travelled once.
#pragma once

#include <gtest/gtest.h>

#include <rondo/serialization.hpp>

namespace round_trips {

template <class T>
void round_trip(const T& value, T& back) {
  rondo::Buffer buffer;
  rondo::pack(value, buffer);
  ASSERT_EQ(buffer.size(), rondo::packed_size(value));
  rondo::unpack(buffer, back);
}
template <class T>
T round_trip(const T& value) {
  T back{};
  round_trip(value, back);
  return back;
}

}  // namespace round_trips
