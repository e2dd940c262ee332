#include <rondo/detail/schema.hpp>

#include <boost/core/demangle.hpp>

#include <rondo/serialization.hpp>

namespace rondo::detail {

namespace {

constexpr OpenValue kOutside{0, 0, 0, Make::bag};

std::string named(const Item& item) { return boost::core::demangle(item.name) + item.sign; }

// Where the next part of an open value is looked for.
std::uint32_t place_before_next(const OpenValue& value) {
  return value.make == Make::sequence ? value.place : value.inside;
}

}  // namespace

// ---- Schema

Schema::Schema() : nodes_{{0, 0, 0, 0, 0, 1, 0}}, names_{"this"} {}

Schema::Schema(Bytes bytes) {
  Reader reader(bytes);
  decode(reader, nodes_);
  decode(reader, names_);
  decode(reader, complete_);
  reader.finish();
  if (nodes_.empty() || nodes_.size() > kNodesMost || names_.empty())
    throw SerializationError("the description of what was saved has no nodes");
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    // those that follow were added later, so a walk along them ends
    const auto follows = [&](Place place) { return place == 0 || (place > i && place < nodes_.size()); };
    if (node.name >= names_.size() || !follows(node.first) || !follows(node.sibling) ||
        node.inside >= nodes_.size())
      throw SerializationError("the description of what was saved has a node that cannot be, number " +
                               std::to_string(i));
  }
}

void Schema::save(Buffer& out) const {
  pack(nodes_, out);
  pack(names_, out);
  pack(complete_, out);
}

Schema::Place Schema::find(Place after, std::uint64_t type) const {
  Place place = nodes_[after].first;
  while (place != 0 && nodes_[place].type != type) place = nodes_[place].sibling;
  return place;
}

std::string Schema::next(Place place) const {
  constexpr int kNamesMost = 4;
  std::string names;
  int count = 0;
  for (Place each = nodes_[place].first; each != 0; each = nodes_[each].sibling) {
    if (count == kNamesMost) return names + " or others";
    names += (count++ > 0 ? " or " : "") + name(each);
  }
  return names.empty() ? "nothing more" : names;
}

// ---- Recorder

void Recorder::begin() { open_.assign(1, kOutside); }

void Recorder::enter(const Item& item) {
  OpenValue& in = open_.back();
  Place after = place_before_next(in);
  const bool ordered = in.make == Make::sequence && ++in.count <= Schema::kOrderedMost;
  if (in.make == Make::sequence && !ordered) after = add(in.inside, Schema::kLater, 0);
  const Place place = follow(after, item);
  if (ordered) in.place = place;
  if (item.make == Make::leaf) return;
  const Place inside = this->inside(place, item);
  open_.push_back({inside, inside, 0, item.make});
}

void Recorder::leave(const Item& item) {
  if (item.make == Make::leaf) return;
  const Place last = open_.back().place;
  if (last != Schema::kNowhere) schema_.nodes_[last].may_end = 1;
  open_.pop_back();
}

Recorder::Place Recorder::follow(Place after, const Item& item) {
  if (after == Schema::kNowhere) return after;
  const Place found = schema_.find(after, item.type);
  return found != 0 ? found : add(after, item.type, name(item));
}

Recorder::Place Recorder::add(Place after, std::uint64_t type, std::uint32_t name) {
  if (after == Schema::kNowhere) return after;
  if (const Place found = schema_.find(after, type); found != 0) return found;
  const Place added = new_node(type, name);
  if (added == Schema::kNowhere) return added;
  Place last = schema_.nodes_[after].first;
  if (last == 0) {
    schema_.nodes_[after].first = added;
  } else {
    while (schema_.nodes_[last].sibling != 0) last = schema_.nodes_[last].sibling;
    schema_.nodes_[last].sibling = added;
  }
  return added;
}

Recorder::Place Recorder::inside(Place place, const Item& item) {
  if (place == Schema::kNowhere) return place;
  if (const Place known = schema_.nodes_[place].inside; known != 0) return known;
  const auto [found, is_new] = insides_.try_emplace(item.type, Schema::kNowhere);
  if (is_new) found->second = new_node(item.type, name(item), item.version);
  if (found->second != Schema::kNowhere) schema_.nodes_[place].inside = found->second;
  return found->second;
}

Recorder::Place Recorder::new_node(std::uint64_t type, std::uint32_t name, std::uint32_t version) {
  if (schema_.nodes_.size() == Schema::kNodesMost) {
    schema_.complete_ = false;
    return Schema::kNowhere;
  }
  schema_.nodes_.push_back({type, name, 0, 0, 0, 0, version});
  return static_cast<Place>(schema_.nodes_.size() - 1);
}

std::uint32_t Recorder::name(const Item& item) {
  const auto [found, is_new] =
      names_.try_emplace(item.type, static_cast<std::uint32_t>(schema_.names_.size()));
  if (is_new) schema_.names_.push_back(named(item));
  return found->second;
}

// ---- Checker

Checker::Checker(const Schema& schema) : schema_(schema), open_{kOutside} {}

void Checker::enter(const Item& item) {
  OpenValue& in = open_.back();
  Schema::Place after = place_before_next(in);
  const bool ordered = in.make == Make::sequence && ++in.count <= Schema::kOrderedMost;
  if (in.make == Make::sequence && !ordered) after = next(in.inside, Schema::kLater, item);
  const Schema::Place place = next(after, item.type, item);
  if (ordered) in.place = place;
  if (item.make == Make::leaf) return;
  Schema::Place inside = place == Schema::kNowhere ? place : schema_.nodes_[place].inside;
  if (inside == 0) inside = Schema::kNowhere;
  if (inside != Schema::kNowhere && schema_.nodes_[inside].version > item.version) {
    throw SerializationError(
        named(item) + " was saved in version " + std::to_string(schema_.nodes_[inside].version) +
        ", and the BOOST_CLASS_VERSION of this program is " + std::to_string(item.version) +
        "; need a program of that version or a later one");
  }
  open_.push_back({inside, inside, 0, item.make});
}

Schema::Place Checker::next(Schema::Place after, std::uint64_t type, const Item& item) const {
  if (after == Schema::kNowhere) return after;
  if (const Schema::Place found = schema_.find(after, type); found != 0) return found;
  if (schema_.complete_) refuse(item, after);
  return Schema::kNowhere;
}

void Checker::leave(const Item& item) {
  if (item.make == Make::leaf) return;
  const OpenValue& value = open_.back();
  if (value.make == Make::sequence && value.place != Schema::kNowhere &&
      value.count <= Schema::kOrderedMost && schema_.nodes_[value.place].may_end == 0 && schema_.complete_) {
    throw SerializationError("the serialize() of this program's " + named(item) + " reads " +
                             std::to_string(value.count) + " values, and then " + schema_.next(value.place) +
                             " was saved");
  }
  open_.pop_back();
}

void Checker::refuse(const Item& item, Schema::Place after) const {
  const OpenValue& in = open_.back();
  std::string text = "this program reads ";
  text += named(item);
  if (in.make == Make::sequence) text += " as value " + std::to_string(in.count);
  if (open_.size() > 1) text += " of " + schema_.name(in.inside);
  throw SerializationError(text + ", where " + schema_.next(after) + " was saved");
}

}  // namespace rondo::detail
