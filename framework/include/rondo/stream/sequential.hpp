// A stream as an input range, on the calling thread alone: each step of the iterator evaluates just as far as
// the next value, and runs work units where they are met.
//
//   for (Item& item : rondo::sequential(items(feed) | rondo::map(parse))) ...
//
// For code that pulls its input bit by bit. Slots that are filled from outside are waited for. There is no other thread that
// could pass results on while the source blocks. Dropping the
// range destroys what remains of the stream.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <span>

#include <rondo/stream/pipeline.hpp>

#pragma GCC visibility push(default)

namespace rondo {

namespace streaming {

// Steps one stream on one thread.
class Puller {
 public:
  explicit Puller(StreamBase& stream);
  Puller(const Puller&) = delete;
  Puller& operator=(const Puller&) = delete;
  ~Puller();

  // Where the next value is, or null at the end. Throws what the stream threw.
  [[nodiscard]] void* next();

 private:
  [[nodiscard]] void* end(std::exception_ptr error);
  void wait_for_slot();
  static void wait(std::span<SlotCore* const> slots);
  StreamBase& stream_;
  bool there_ = false;                  // the next value is there already
  std::atomic<bool> cancelled_{false};  // never
  Stepper stepper_;
};

}  // namespace streaming

/// A pipeline as an input range for one thread, without an evaluation: made by sequential(). Move-only; to be gone through once.
template <class T>
class [[nodiscard]] Sequential {
 public:
  /// Use sequential().
  explicit Sequential(Stream<T> stream) : stream_(std::move(stream)), puller_(stream_) {}

  /// An input iterator. It throws what the stream throws.
  class Iterator {
   public:
    /// The type of the items.
    using value_type = T;
    /// For std::input_iterator.
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    /// The value, which may be moved from. It is valid until the iterator goes on.
    T& operator*() const { return *value_; }
    /// Goes to the next value.
    Iterator& operator++() {
      value_ = static_cast<T*>(puller_->next());
      return *this;
    }
    /// The same.
    void operator++(int) { ++*this; }
    /// Whether there is no value any more.
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.value_ == nullptr; }

   private:
    friend class Sequential;
    explicit Iterator(streaming::Puller& puller) : puller_(&puller) { ++*this; }
    streaming::Puller* puller_ = nullptr;
    T* value_ = nullptr;
  };

  /// Goes to the next value; to be called once.
  [[nodiscard]] Iterator begin() { return Iterator(puller_); }
  /// The end of the range.
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  Stream<T> stream_;
  streaming::Puller puller_;
};

/// The pipeline as an input range, evaluated by the thread that goes through it: see the top of this file.
template <streaming::Pipeline Given>
[[nodiscard]] auto sequential(Given&& pipeline) {
  using P = std::remove_cvref_t<Given>;
  using T = typename P::value_type;
  static_assert(std::is_same_v<P, Given>,
                "rondo::sequential: a stream can be used once; write sequential(std::move(stream))");
  if constexpr (streaming::is_stream<P> || streaming::is_ordered<P>) {
    return Sequential<T>(std::move(pipeline));
  } else {
    return Sequential<T>(streaming::flattened<T>(std::move(pipeline).run(1)));
  }
}

/// Not available: what is given is no pipeline.
template <class Given>
requires(!streaming::Pipeline<Given>) void sequential(Given&&) {
  static_assert(streaming::never<Given>,
                "rondo::sequential takes a pipeline; of a range: sequential(rondo::from_range(range) | ...)");
}

}  // namespace rondo

#pragma GCC visibility pop
