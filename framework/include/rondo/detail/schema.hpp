// What the serialize() functions of a checkpoint wrote: of which types, in which order. A later program that reads other
// types, or in another order, is stopped before its serialize() sees a wrong value.
//
// A Recorder watches an archive that saves and fills a Schema; a Checker watches one that loads and compares. Both see the
// values that serialize() gives to its archive, not what is inside of blocks of numbers. The schema is a tree for each class:
// what may come first, what may come after that, and so on. States may take different ways through it, as a serialize() may
// write more for some values than for others.
//
// Limits: of one serialize() the first kOrderedMost values are compared by their order, later ones only by their type; beyond
// kNodesMost nodes nothing more is recorded, and what is not recorded is not refused.
//
// One thread at a time uses each of these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include <rondo/bytes.hpp>

#pragma GCC visibility push(default)

namespace rondo::detail {

// How a value is made of others.
enum class Make : std::uint8_t {
  leaf,      // it is not
  sequence,  // of what a serialize() writes, in that order
  bag,       // of elements of any number, in any order: a container
};

// The type of a value that an archive is given.
struct Item {
  std::uint64_t type;  // a hash: equal for types whose bytes are read alike
  Make make;
  const char* name;           // typeid(...).name()
  const char* sign;           // what stands behind the name: "*" for a pointer
  std::uint32_t version = 0;  // the BOOST_CLASS_VERSION of a class, or of what a pointer points to
};

/// What was written, as a tree of the types that may follow each other.
class Schema {
 public:
  static constexpr std::uint32_t kOrderedMost = 1'000;
  static constexpr std::uint32_t kNodesMost = 100'000;

  Schema();
  /// From the bytes that save() wrote. Throws SerializationError if they are not.
  explicit Schema(Bytes bytes);
  void save(Buffer& out) const;
  /// Whether nothing was given to an archive: then all that there is to the type is known at compile time.
  [[nodiscard]] bool empty() const { return nodes_.size() == 1; }

 private:
  friend class Recorder;
  friend class Checker;
  using Place = std::uint32_t;                   // of a node
  static constexpr Place kRoot = 0;              // from it hang the values that are in no other one
  static constexpr Place kNowhere = UINT32_MAX;  // not recorded
  static constexpr std::uint64_t kLater = 1;  // the type of the node for what comes after kOrderedMost values
  struct Node {
    std::uint64_t type;
    std::uint32_t name;     // its place in names_
    Place first;            // a value that may come next; 0: none
    Place sibling;          // another value that may be here instead; 0: none
    Place inside;           // the node that the value's own parts hang from; 0: it has none
    std::uint32_t may_end;  // whether this may be the last part of what it is in
    std::uint32_t version;  // of a node that parts hang from: Item::version
  };

  [[nodiscard]] Place find(Place after, std::uint64_t type) const;
  [[nodiscard]] const std::string& name(Place place) const { return names_[nodes_[place].name]; }
  // The types that may come next, for a message.
  [[nodiscard]] std::string next(Place place) const;

  std::vector<Node> nodes_;
  std::vector<std::string> names_;
  bool complete_ = true;
};

// The values that are open while an archive works.
struct OpenValue {
  std::uint32_t inside;  // the node that its parts hang from
  std::uint32_t place;   // the part that came last
  std::uint32_t count;   // of parts
  Make make;
};

class Recorder {
 public:
  /// Another value of the same program begins. A value that was not packed to its end leaves no harm.
  void begin();
  void enter(const Item& item);
  void leave(const Item& item);
  [[nodiscard]] const Schema& schema() const { return schema_; }

 private:
  using Place = Schema::Place;
  // The node after that one for a value of this type. kNowhere if there is no room for one.
  [[nodiscard]] Place follow(Place after, const Item& item);
  [[nodiscard]] Place add(Place after, std::uint64_t type, std::uint32_t name);
  [[nodiscard]] Place inside(Place place, const Item& item);
  [[nodiscard]] Place new_node(std::uint64_t type, std::uint32_t name, std::uint32_t version = 0);
  [[nodiscard]] std::uint32_t name(const Item& item);

  Schema schema_;
  std::unordered_map<std::uint64_t, std::uint32_t> names_;  // by type
  std::unordered_map<std::uint64_t, Place> insides_;        // by type
  std::vector<OpenValue> open_;
};

class Checker {
 public:
  explicit Checker(const Schema& schema);
  /// Throws SerializationError if no such value was written here, or one of a higher version.
  void enter(const Item& item);
  /// Throws SerializationError if more was written.
  void leave(const Item& item);

 private:
  [[nodiscard]] Schema::Place next(Schema::Place after, std::uint64_t type, const Item& item) const;
  [[noreturn]] void refuse(const Item& item, Schema::Place after) const;

  const Schema& schema_;
  std::vector<OpenValue> open_;
};

}  // namespace rondo::detail

#pragma GCC visibility pop
