// A class that is only known through its base class, and a check that it travels.
#pragma once

#include <memory>

#include <boost/serialization/base_object.hpp>

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};
struct Square : Shape {
  double side = 0;
  double area() const override { return side * side; }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& boost::serialization::base_object<Shape>(*this) & side;
  }
};

// A template, as the header comes before Rondo in one of the tests.
template <class Buffer, class Pack, class Unpack>
double area_after_a_journey(double side, Pack pack, Unpack unpack) {
  auto square = std::make_unique<Square>();
  square->side = side;
  const std::unique_ptr<Shape> shape = std::move(square);
  Buffer buffer;
  pack(shape, buffer);
  std::unique_ptr<Shape> back;
  unpack(buffer, back);
  return back->area();
}
