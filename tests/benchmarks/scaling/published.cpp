#include "published.hpp"

#include <algorithm>
#include <deque>
#include <queue>
#include <tuple>
#include <utility>

namespace rondo::simulation {

namespace {

class Published {
 public:
  Published(const PublishedSettings& settings, const Workload& workload, std::size_t states)
      : settings_(settings), workload_(workload), held_(settings.workers) {
    for (std::size_t i = 0; i < states; ++i) held_[i * settings.workers / states].push_back(StateId{i});
  }

  double round(std::uint64_t number) {
    const double begin = now_;
    round_ = number;
    unstarted_ = held_;
    for (auto& states : held_) states.clear();
    computing_until_.assign(settings_.workers, now_);
    for (std::uint32_t w = 0; w < settings_.workers; ++w) feed(w);
    while (!agenda_.empty()) {
      Event event = agenda_.top();
      agenda_.pop();
      now_ = std::max(now_, event.time);
      spend(event.states.size(), event.fetched);
      if (event.fetched) {
        send(event.worker, std::move(event.states), true);
      } else {
        feed(event.worker);
      }
    }
    return now_ - begin;
  }

 private:
  struct Event {  // a message for the master: a batch is done, or states that it fetched have come
    double time;
    std::uint64_t number;
    std::uint32_t worker;
    bool fetched;
    std::vector<StateId> states;
    bool operator>(const Event& other) const {
      return std::tie(time, number) > std::tie(other.time, other.number);
    }
  };

  void spend(std::size_t states, bool whole) {
    now_ += settings_.master_message.count();
    now_ += static_cast<double>(states) *
            (whole ? workload_.state_bytes / settings_.bandwidth : settings_.master_item.count());
  }

  std::vector<StateId> take(std::uint32_t worker) {
    auto& from = unstarted_[worker];
    const std::size_t count = std::min(settings_.batch, from.size());
    std::vector<StateId> batch(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
    from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
    return batch;
  }

  // The next batch for a worker, of its own or of the one with most left.
  void feed(std::uint32_t worker) {
    if (!unstarted_[worker].empty()) return send(worker, take(worker), false);
    const auto most = std::max_element(unstarted_.begin(), unstarted_.end(),
                                       [](const auto& a, const auto& b) { return a.size() < b.size(); });
    if (most->empty()) return;
    const auto victim = static_cast<std::uint32_t>(most - unstarted_.begin());
    std::vector<StateId> states = take(victim);
    spend(0, false);
    const double answered = std::max(now_ + settings_.latency.count(), computing_until_[victim]);
    agenda_.push({answered + settings_.latency.count(), number_++, worker, true, std::move(states)});
  }

  void send(std::uint32_t worker, std::vector<StateId> states, bool whole) {
    spend(states.size(), false);
    if (whole) spend(states.size(), true);
    double end = now_ + settings_.latency.count();
    for (const StateId id : states) end += workload_.seconds(id, round_);
    computing_until_[worker] = end;
    held_[worker].insert(held_[worker].end(), states.begin(), states.end());
    agenda_.push({end + settings_.latency.count(), number_++, worker, false, std::move(states)});
  }

  const PublishedSettings& settings_;
  const Workload& workload_;
  std::vector<std::deque<StateId>> held_;
  std::vector<std::deque<StateId>> unstarted_;
  std::vector<double> computing_until_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> agenda_;
  double now_ = 0;  // what the master has come to
  std::uint64_t round_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace

std::vector<double> run_published(const PublishedSettings& settings, const Workload& workload,
                                  std::size_t states, std::uint32_t rounds) {
  Published published(settings, workload, states);
  std::vector<double> seconds;
  for (std::uint32_t round = 0; round < rounds; ++round) seconds.push_back(published.round(round));
  return seconds;
}

}  // namespace rondo::simulation
