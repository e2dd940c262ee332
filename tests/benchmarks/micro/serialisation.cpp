// What packing and unpacking cost beside the least they could: a memcpy of the same bytes, or a deep copy.
//
// All figures are medians of many turns; each turn goes through all ways once, so that a disturbance hits all
// of them. Buffers and objects are used again, as in a run of many rounds.
#include <algorithm>
#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/map.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <rondo/serialization.hpp>
#include <streambuf>
#include <string>
#include <vector>

namespace {

struct Body {
  double x, y, z;
  std::int64_t kind;
};
static_assert(sizeof(Body) == 32);

struct WrittenBody : Body {
  WrittenBody() = default;
  explicit WrittenBody(const Body& body) : Body{body} {}

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x& y& z& kind;
  }
};

using Doubles = std::vector<double>;
using Bodies = std::vector<Body>;
using Nested = std::map<std::string, std::vector<std::string>>;

// The work of a way must not be optimised out.
void keep(const void* memory) { asm volatile("" : : "g"(memory) : "memory"); }

struct Way {
  std::string name;
  std::function<void()> once;
  std::vector<double> us;
};

using Ways = std::vector<Way>;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

std::map<std::string, double> measured(Ways ways, int turns) {
  using Clock = std::chrono::steady_clock;
  for (int turn = 0; turn < turns; ++turn) {
    for (Way& way : ways) {
      const Clock::time_point begin = Clock::now();
      way.once();
      way.us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    }
  }
  std::map<std::string, double> medians;
  for (const Way& way : ways) medians[way.name] = median(way.us);
  return medians;
}

// Boost's archives into and out of one flat block that keeps its memory.
class FlatOut : public std::streambuf {
 public:
  std::vector<char> bytes;

 protected:
  std::streamsize xsputn(const char* data, std::streamsize size) override {
    bytes.insert(bytes.end(), data, data + size);
    return size;
  }
  int_type overflow(int_type character) override {
    bytes.push_back(traits_type::to_char_type(character));
    return character;
  }
};

class FlatIn : public std::streambuf {
 public:
  explicit FlatIn(std::vector<char>& bytes) { setg(bytes.data(), bytes.data(), bytes.data() + bytes.size()); }
};

template <class T>
void boost_pack(const T& value, FlatOut& out) {
  out.bytes.clear();
  boost::archive::binary_oarchive archive{out, boost::archive::no_header};
  archive << value;
}

template <class T>
void boost_unpack(FlatOut& packed, T& value) {
  FlatIn in{packed.bytes};
  boost::archive::binary_iarchive archive{in, boost::archive::no_header};
  archive >> value;
}

// Against a memcpy of the same 300 kB. Boost goes through elements one by one unless they are numbers, and
// wants a serialize(): it gets its own type.
template <class BoostArray, class Array>
void array_figures(const std::string& name, const Array& value, nlohmann::ordered_json& line) {
  const std::size_t bytes = value.size() * sizeof(value[0]);
  std::vector<char> flat(bytes);
  rondo::Buffer packed;
  Array copy = value;
  FlatOut archived;
  const BoostArray boost_value(value.begin(), value.end());
  BoostArray boost_copy = boost_value;
  const auto us =
      measured({{"memcpy", [&] { std::memcpy(flat.data(), value.data(), bytes), keep(flat.data()); }, {}},
                {"pack", [&] { packed.clear(), rondo::pack(value, packed), keep(packed.data()); }, {}},
                {"unpack", [&] { rondo::unpack(packed, copy), keep(copy.data()); }, {}},
                {"boost_pack", [&] { boost_pack(boost_value, archived), keep(archived.bytes.data()); }, {}},
                {"boost_unpack", [&] { boost_unpack(archived, boost_copy), keep(boost_copy.data()); }, {}}},
               500);
  for (const auto& [way, time] : us)
    if (way != "memcpy") line[name + "_" + way + "_over_memcpy"] = time / us.at("memcpy");
}

// 1,000 entries, 56 kB of text in small pieces.
Nested nested_value() {
  Nested value;
  for (int entry = 0; entry < 1000; ++entry) {
    const std::string number = std::to_string(entry * 7919);
    value["entry number " + number] = {"first value of " + number, "second"};
  }
  return value;
}

void nested_figures(nlohmann::ordered_json& line) {
  const Nested value = nested_value();
  FlatOut archived;
  rondo::Buffer packed;
  Nested copy;
  Ways ways{{"deep_copy", [&] { copy = Nested{value}, keep(&copy); }, {}},
            {"pack", [&] { packed.clear(), rondo::pack(value, packed), keep(packed.data()); }, {}},
            {"unpack", [&] { rondo::unpack(packed, copy), keep(&copy); }, {}},
            {"boost_pack", [&] { boost_pack(value, archived), keep(archived.bytes.data()); }, {}},
            {"boost_unpack", [&] { boost_unpack(archived, copy), keep(&copy); }, {}}};
  const auto us = measured(std::move(ways), 500);
  line["nested_pair_over_deep_copy"] = (us.at("pack") + us.at("unpack")) / us.at("deep_copy");
  line["nested_boost_pair_over_deep_copy"] =
      (us.at("boost_pack") + us.at("boost_unpack")) / us.at("deep_copy");
  line["nested_deep_copy_us"] = us.at("deep_copy");
}

}  // namespace

int main() {
  nlohmann::ordered_json line{{"name", "serialisation"}};
  array_figures<Doubles>("doubles", Doubles(37'500, 1.5), line);
  array_figures<std::vector<WrittenBody>>("bodies", Bodies(9'375, Body{1, 2, 3, 4}), line);
  nested_figures(line);
  std::printf("%s\n", line.dump().c_str());
}
