// A server in simulated time: answers come when its law says, the clock jumps from event to event.
#pragma once

#include <functional>
#include <queue>
#include <string>

#include "load/generator.hpp"

namespace dsk::load {

struct Answer {
  double first_s = 0.1; // from sending to the first token
  double gap_s = 0.02;
  int tokens = 3;
  int status = 200;
  Outcome fault = Outcome::completed;
};

class SimulatedServer : public Transport {
public:
  using Law = std::function<Answer(std::uint64_t request, double now_s)>;
  SimulatedServer(Receiver& receiver, Law law) : receiver_(receiver), law_(std::move(law)) {}

  double now_s() override { return now_; }
  std::string library() const override { return "simulated"; }
  bool start(std::uint64_t id, const std::string&) override {
    const Answer a = law_(count_++, now_);
    if (a.status != 200 || a.fault != Outcome::completed) {
      due_.push({now_ + a.first_s, order_++, id, a.status, a.fault, true});
      return true;
    }
    for (int i = 0; i < a.tokens; ++i)
      due_.push({now_ + a.first_s + i * a.gap_s, order_++, id, 200, Outcome::completed,
                 i + 1 == a.tokens});
    return true;
  }
  void poll(double until_s) override {
    if (due_.empty() || due_.top().at > until_s) {
      now_ = std::max(now_, until_s);
      return;
    }
    const Due due = due_.top();
    due_.pop();
    now_ = std::max(now_, due.at);
    if (due.status == 200 && due.fault == Outcome::completed) {
      static const std::string token =
          "data: {\"choices\":[{\"text\":\"a\",\"finish_reason\":null}]}\n\n";
      static const std::string end =
          "data: {\"choices\":[{\"text\":\"a\",\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
      const std::string& bytes = due.last ? end : token;
      receiver_.data(due.id, 200, bytes.data(), bytes.size());
    }
    if (due.last)
      receiver_.done(due.id, due.fault == Outcome::completed ? due.status : 0, due.fault);
  }

private:
  struct Due {
    double at;
    std::uint64_t order;
    std::uint64_t id;
    int status;
    Outcome fault;
    bool last;
    bool operator<(const Due& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  Receiver& receiver_;
  Law law_;
  double now_ = 1000;
  std::uint64_t count_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Due> due_;
};

inline Connect simulated(SimulatedServer::Law law) {
  return [law](const Endpoint&, Receiver& receiver) {
    return std::make_unique<SimulatedServer>(receiver, law);
  };
}

} // namespace dsk::load
