// A class exported before Rondo is included is known to Rondo's archives.
#include <memory>

#include <boost/serialization/export.hpp>

#include "exported_shapes.hpp"

BOOST_CLASS_EXPORT(Square)

#include <gtest/gtest.h>

#include <rondo/serialization.hpp>

TEST(Export, BeforeRondoIsIncluded) {
  const double area = area_after_a_journey<rondo::Buffer>(
      3, [](const auto& value, auto& buffer) { rondo::pack(value, buffer); },
      [](const auto& buffer, auto& value) { rondo::unpack(buffer, value); });
  EXPECT_EQ(area, 9);
}
