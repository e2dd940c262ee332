// A shorter way for values from one stream to the next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace rondo::streaming {

/// Where a consumer that gathers values lets its producer put them: as long as there is room, co_yield does not suspend
/// the producer, which is what takes most of the time of handing a value over. The next one is handed over as ever.
///
/// What may throw on the consumer's behalf has to be thrown in its body, not out of the producer's co_yield. So there is
/// room only for what is moved without throwing, and only in memory that is there already.
template <class T>
class Room {
 public:
  static constexpr bool is_possible = std::is_nothrow_move_constructible_v<T> && !std::is_same_v<T, bool>;

  [[nodiscard]] bool is_open() const { return values_ != nullptr; }
  /// For values to be added, until there are `most`, of which there are not more already.
  template <class Values>
  void open(Values& values, std::size_t most) {
    if constexpr (is_possible) {
      values_ = &values;
      full_ = values.data() + std::min(most, values.capacity());
    }
  }
  /// For the producer. False: there is none, and the value is where it was.
  [[nodiscard, gnu::always_inline]] bool put(T& value) noexcept {
    const std::size_t size = values_->size();
    if (values_->data() + size == full_) return false;
    if (size == values_->capacity()) __builtin_unreachable();
    values_->push_back(std::move(value));
    return true;
  }

 private:
  std::vector<T>* values_ = nullptr;
  const T* full_ = nullptr;
};

}  // namespace rondo::streaming
