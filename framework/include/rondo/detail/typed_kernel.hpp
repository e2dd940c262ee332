// The user's Update and its types, as the engine sees them.
#pragma once

#include <memory>
#include <string>
#include <typeinfo>
#include <utility>

#include <boost/core/demangle.hpp>

#include <rondo/detail/accepted.hpp>
#include <rondo/detail/copies.hpp>
#include <rondo/detail/described.hpp>
#include <rondo/detail/program.hpp>
#include <rondo/detail/shape.hpp>
#include <rondo/update.hpp>

namespace rondo::detail {

template <class T>
T unpacked(Bytes bytes) {
  T value{};
  unpack(bytes, value);
  return value;
}

template <class Context>
Context unpacked_context(Bytes bytes) {
  Context context{};
  if (!bytes.empty()) unpack_described(bytes, context);
  return context;
}

template <class U>
typename U::StateType empty_state() {
  using State = typename U::StateType;
  if constexpr (MakesEmptyState<U>) {
    return U::empty_state();
  } else {
    return State{};
  }
}

template <class T>
Object make_object(T* value) {
  return Object(value, [](void* object) { delete static_cast<T*>(object); });
}

template <UpdateClass U>
class TypedKernel final : public Kernel {
  using State = typename U::StateType;
  using Input = typename U::InputType;
  using Context = typename U::ContextType;

 public:
  explicit TypedKernel(std::unique_ptr<U> update) : update_(std::move(update)) {}

  Object make_state() const override { return make_object(new State(empty_state<U>())); }
  Object unpack_state(Bytes bytes) const override {
    auto state = std::unique_ptr<State>(new State(empty_state<U>()));
    unpack(bytes, *state);
    return make_object(state.release());
  }
  Object copy_state([[maybe_unused]] const void* state) const override {
    if constexpr (is_deep<State>()) {
      return make_object(new State(*static_cast<const State*>(state)));
    } else {
      return {nullptr, nullptr};
    }
  }
  std::size_t packed_size(const void* state) const override {
    return rondo::packed_size(*static_cast<const State*>(state));
  }
  void pack_state(const void* state, Buffer& out) const override {
    pack(*static_cast<const State*>(state), out);
  }
  void save_state(const void* state, Buffer& out, Recorder& recorder) const override {
    recorder.begin();
    pack_recorded(*static_cast<const State*>(state), out, &recorder);
  }
  Object load_state(Bytes bytes, const Schema& schema) const override {
    auto state = std::unique_ptr<State>(new State(empty_state<U>()));
    Checker checker(schema);
    unpack_checked(bytes, *state, &checker);
    return make_object(state.release());
  }
  Object unpack_input(Bytes bytes) const override { return make_object(new Input(unpacked<Input>(bytes))); }

  void set_context(Bytes bytes) override { context_ = unpacked_context<Context>(bytes); }

  void update(void* state, const void* shared_input, Bytes own_input, const CallInfo& info,
              Buffer& output) override {
    const typename U::Call call(info.state, info.round, context_, info.seed);
    State& mine = *static_cast<State*>(state);
    if (shared_input != nullptr) {
      pack(update_->update(mine, *static_cast<const Input*>(shared_input), call), output);
    } else {
      pack(update_->update(mine, unpacked<Input>(own_input), call), output);
    }
  }

 private:
  std::unique_ptr<U> update_;
  Context context_{};
};

// `factory` makes a U or a std::unique_ptr<U>, once per worker.
template <UpdateClass U, class Factory>
Program make_program(Factory factory) {
  Program program;
  for (const std::type_info* type :
       {&typeid(U), &typeid(typename U::StateType), &typeid(typename U::InputType),
        &typeid(typename U::OutputType), &typeid(typename U::ContextType)}) {
    if (!program.types.empty()) program.types += ", ";
    program.types += boost::core::demangle(type->name());
  }
  Shape shape;
  shape.describe<typename U::StateType>();
  shape.describe<typename U::ContextType>();
  program.shape = shape.hash();
  program.check_context = [](Bytes bytes) { (void)unpacked_context<typename U::ContextType>(bytes); };
  program.make_kernel = [factory =
                             std::make_shared<Factory>(std::move(factory))]() -> std::unique_ptr<Kernel> {
    if constexpr (std::convertible_to<decltype((*factory)()), std::unique_ptr<U>>) {
      return std::make_unique<TypedKernel<U>>((*factory)());
    } else {
      return std::make_unique<TypedKernel<U>>(std::unique_ptr<U>(new U((*factory)())));
    }
  };
  return program;
}

}  // namespace rondo::detail
