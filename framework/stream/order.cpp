#include <rondo/stream/order.hpp>

#include <string>

namespace rondo::streaming {

namespace {

const char* describe(OrderFault fault) {
  switch (fault) {
    case OrderFault::unsound_key:
      return "a key is not equal to itself, so it has no place in any order; there is probably a NaN in a "
             "class of your "
             "own: leave such items out, or return a key of standard types, such as a std::tuple of the "
             "members";
    case OrderFault::before_itself:
      return "the comparison is no strict weak order: it puts a key before itself; is it <= instead of <?";
    case OrderFault::each_before_the_other:
      return "the comparison is no strict weak order: of two keys, it puts each before the other; compare "
             "several "
             "members one after the other, as std::tie(a.x, a.y) < std::tie(b.x, b.y) does";
    case OrderFault::not_transitive:
      return "the comparison is no strict weak order: there are keys a, b and c that it puts in a circle, or "
             "of which it "
             "says that a equals b and b equals c but a comes before c; keys that are about equal must not "
             "count as "
             "equal, and several members are to be compared one after the other, as std::tie(a.x, a.y) < "
             "std::tie(b.x, "
             "b.y) does";
    case OrderFault::nan:
      return "the comparison is no strict weak order: by it, a key with a NaN equals two keys of which one "
             "comes before "
             "the other; without a comparison of your own, NaNs come after all numbers";
  }
  return "";
}

}  // namespace

void throw_order_error(const char* stage, OrderFault fault) {
  throw OrderError(std::string(stage) + ": " + describe(fault));
}

}  // namespace rondo::streaming
