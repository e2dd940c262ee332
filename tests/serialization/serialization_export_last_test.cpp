// A class exported after Rondo is included and used is known to Rondo's archives.
#include <memory>

#include <gtest/gtest.h>

#include <rondo/serialization.hpp>

#include "exported_shapes.hpp"

TEST(Export, AfterRondoIsIncluded) {
  const double area = area_after_a_journey<rondo::Buffer>(
      3, [](const auto& value, auto& buffer) { rondo::pack(value, buffer); },
      [](const auto& buffer, auto& value) { rondo::unpack(buffer, value); });
  EXPECT_EQ(area, 9);
}

#include <boost/serialization/export.hpp>
BOOST_CLASS_EXPORT(Square)
