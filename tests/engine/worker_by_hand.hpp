// One worker whose messages are given by hand; what it sends is kept.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "by_hand.hpp"
#include "checkpoint/posix_storage.hpp"
#include "engine/worker.hpp"

namespace rondo::engine {

// A state is a text; an update appends its input and tells the whole.
class Append final : public detail::Kernel {
 public:
  detail::Object make_state() const override { return object(""); }
  detail::Object unpack_state(Bytes packed) const override { return object(text(packed)); }
  detail::Object copy_state(const void* state) const override { return object(of(state)); }
  std::size_t packed_size(const void* state) const override { return of(state).size(); }
  void pack_state(const void* state, Buffer& out) const override { out.append(bytes(of(state))); }
  void save_state(const void* state, Buffer& out, detail::Recorder&) const override {
    pack_state(state, out);
  }
  detail::Object load_state(Bytes packed, const detail::Schema&) const override {
    return unpack_state(packed);
  }
  detail::Object unpack_input(Bytes packed) const override { return object(text(packed)); }
  void set_context(Bytes) override {}
  void update(void* state, const void* shared, Bytes own, const detail::CallInfo&, Buffer& output) override {
    auto& mine = *static_cast<std::string*>(state);
    mine += shared != nullptr ? of(shared) : text(own);
    output.append(bytes(mine));
  }

 private:
  static const std::string& of(const void* state) { return *static_cast<const std::string*>(state); }
  static detail::Object object(std::string value) {
    return {new std::string(std::move(value)), [](void* old) { delete static_cast<std::string*>(old); }};
  }
};

class WorkerByHand : public testing::Test {
 protected:
  void place(const std::string& state, StateId id = kState) {
    Buffer out = to_bytes(messages::Place());
    append(out, messages::Place::Item{id, bytes(state)});
    give(kMaster, std::move(out));
  }
  void transfer_to(Rank to) { give(kMaster, to_bytes(messages::Transfer{to, {kState}})); }
  void arrive_from(Rank from, const std::string& state, std::uint64_t generation = 0) {
    Buffer out = to_bytes(messages::States{generation, {}});
    append(out, messages::States::Item{messages::Parcel{kState, 1, 0, {}}, {}, bytes(state)});
    give(from, std::move(out));
  }
  void assign(std::uint64_t epoch, const std::string& own_input, StateId id = kState) {
    messages::Assign assign{};
    assign.call.epoch = epoch;
    assign.call.rounds = 1;
    assign.call.own_inputs = true;
    assign.jobs = {{id, 0, 0, 0, 0, 0}};
    Buffer out = to_bytes(assign);
    append(out, Block(bytes(own_input)));
    give(kMaster, std::move(out));
  }

  // The states that have been sent to this rank, as texts.
  std::vector<std::string> sent_to(Rank to) {
    worker_.poll();
    std::vector<std::string> states;
    for (const Envelope& each : transport_.sent) {
      if (each.from != to || kind_of(each.message) != Kind::kStates) continue;
      const auto sent = from_bytes<messages::States>(each.message);
      for (const messages::States::Item& item : sent.states) states.push_back(text(item.packed.bytes()));
    }
    return states;
  }
  // The outputs reported so far, once there are `count`.
  std::vector<std::string> outputs(std::size_t count) {
    while (true) {
      worker_.poll();
      std::vector<std::string> all;
      for (const Envelope& each : transport_.sent) {
        if (kind_of(each.message) != Kind::kReport) continue;
        const auto report = from_bytes<messages::Report>(each.message);
        for (const Block& output : report.outputs) all.push_back(text(output.bytes()));
      }
      if (all.size() >= count) return all;
      transport_.wait(worker_.patience());
    }
  }

  explicit WorkerByHand(const WorkerSettings& settings = {})
      : worker_(transport_, Host{storage_, nullptr}, std::make_unique<Append>(), settings) {}
  void give(Rank from, Buffer message) { worker_.handle({from, std::move(message)}); }

  ByHand transport_;

 private:
  checkpoint::PosixStorage storage_;

 protected:
  Worker worker_;
};

using Texts = std::vector<std::string>;

}  // namespace rondo::engine
