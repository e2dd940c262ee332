// Pointers to classes with a serialize() are followed as Boost.Serialization documents it: to derived classes, shared ones,
// cycles, into containers.
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/serialization/base_object.hpp>
#include <boost/serialization/export.hpp>

#include <rondo/serialization.hpp>

#include "round_trip.hpp"

namespace {

using round_trips::round_trip;

class Shape {
 public:
  virtual ~Shape() = default;
  virtual double area() const = 0;
  template <class Archive>
  void serialize(Archive&, const unsigned) {}
};
class Circle : public Shape {
 public:
  Circle() = default;
  explicit Circle(double r) : radius(r) {}
  double area() const override { return 3 * radius * radius; }
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& boost::serialization::base_object<Shape>(*this) & radius;
  }

 private:
  double radius = 0;
};
class Polygon : public Shape {
 public:
  Polygon() = default;
  explicit Polygon(std::vector<double> edges) : sides(std::move(edges)) {}
  double area() const override { return double(sides.size()); }
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& boost::serialization::base_object<Shape>(*this) & sides;
  }

 private:
  std::vector<double> sides;
};
struct Unregistered : Shape {
  double area() const override { return 0; }
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& boost::serialization::base_object<Shape>(*this);
  }
};

// Trivially copyable, and owned by hand.
struct Holder {
  Shape* shape;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& shape;
  }
};

}  // namespace

BOOST_CLASS_EXPORT(Circle)
BOOST_CLASS_EXPORT(Polygon)

namespace {

TEST(Pointers, InATriviallyCopyableClassAreFollowed) {
  static_assert(std::is_trivially_copyable_v<Holder> && !rondo::travels_as_bytes<Holder>);
  Circle circle(2);
  const Holder back = round_trip(Holder{&circle});
  ASSERT_NE(back.shape, &circle);
  EXPECT_EQ(back.shape->area(), 12);
  delete back.shape;
  EXPECT_EQ(round_trip(Holder{nullptr}).shape, nullptr);
}

TEST(Pointers, ToABaseClassFindTheDerived) {
  std::vector<std::unique_ptr<Shape>> shapes;
  shapes.push_back(std::make_unique<Circle>(1));
  shapes.push_back(nullptr);
  shapes.push_back(std::make_unique<Polygon>(std::vector<double>(10'000)));
  shapes.push_back(std::make_unique<Circle>(2));
  std::vector<std::unique_ptr<Shape>> back;
  round_trip(shapes, back);
  ASSERT_EQ(back.size(), 4u);
  EXPECT_EQ(back[0]->area(), 3);
  EXPECT_EQ(back[1], nullptr);
  EXPECT_EQ(back[2]->area(), 10'000);
  EXPECT_EQ(back[3]->area(), 12);
  EXPECT_NE(dynamic_cast<Polygon*>(back[2].get()), nullptr);
}

TEST(Pointers, ToAnUnregisteredClassAreATypedError) {
  const std::unique_ptr<Shape> shape = std::make_unique<Unregistered>();
  rondo::Buffer buffer;
  rondo::pack(1, buffer);
  try {
    rondo::pack(shape, buffer);
    FAIL() << "packed a class that nobody can make";
  } catch (const rondo::SerializationError& error) {
    EXPECT_NE(std::string(error.what()).find("Shape"), std::string::npos) << error.what();
  }
  EXPECT_EQ(buffer.size(), sizeof(int));
}

TEST(Pointers, SharedOnesStayShared) {
  const auto one = std::make_shared<Circle>(1);
  const std::vector<std::shared_ptr<const Shape>> value{one, std::make_shared<Circle>(2), one, nullptr};
  std::vector<std::shared_ptr<const Shape>> back;
  round_trip(value, back);
  ASSERT_EQ(back.size(), 4u);
  EXPECT_EQ(back[0], back[2]);
  EXPECT_EQ(back[0].use_count(), 2);
  EXPECT_EQ(back[1]->area(), 12);
  EXPECT_EQ(back[3], nullptr);
}

// A cycle, and pointers to elements of a container of the same message.
struct Node {
  int name = 0;
  Node* next = nullptr;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& name& next;
  }
};
struct Graph {
  std::vector<Node> nodes;
  std::map<int, Node> named;
  Node* root = nullptr;
  Node* inside = nullptr;
  Node* in_map = nullptr;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& nodes& named& root& inside& in_map;
  }
};

TEST(Tracking, KeepsCyclesAndPointersIntoContainers) {
  Graph graph;
  graph.nodes.resize(5);
  for (int i = 0; i < 5; ++i) graph.nodes[std::size_t(i)].name = i;
  graph.named[1].name = 11;
  graph.named[2].name = 12;
  Node a{100, nullptr}, b{101, &a};
  a.next = &b;
  graph.root = &a;
  graph.inside = &graph.nodes[3];
  graph.in_map = &graph.named[2];
  Graph back;
  round_trip(graph, back);
  EXPECT_EQ(back.inside, &back.nodes[3]);
  EXPECT_EQ(back.inside->name, 3);
  EXPECT_EQ(back.in_map, &back.named[2]);
  ASSERT_NE(back.root, nullptr);
  EXPECT_EQ(back.root->next->next, back.root);
  EXPECT_EQ(back.root->next->name, 101);
  delete back.root->next;
  delete back.root;
}

}  // namespace
