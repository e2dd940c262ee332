// Packs a type that cannot travel: REFUSED names which. Each is compiled by a test that expects the error.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/serialization.hpp>

using View = std::string_view;
using NestedPointer = std::map<int, std::vector<std::pair<int, const char*>>>;
struct Silent {
  std::string name;
};
struct MemberOfAClass {
  Silent silent;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& silent;
  }
};

struct MemberPointer {
  double mass;
  const double* position;
};
struct MemberOfAMember {
  int n;
  MemberPointer all[2];
};

void pack_it(const REFUSED& value, rondo::Buffer& buffer) { rondo::pack(value, buffer); }
