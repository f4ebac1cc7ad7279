#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "core/clock.h"
#include "core/trace_data.h"

namespace aieb {

/// Makes traces with known answers. Times in seconds.
class TraceBuilder {
 public:
  TraceBuilder() { trace_.clock.push_back({0, nanoseconds(1'700'000'000), 100}); }

  TraceBuilder& phase(PhaseKind kind, double start_s, double end_s, int repeat = 0) {
    Phase phase;
    phase.id = static_cast<int64_t>(trace_.phases.size()) + 1;
    phase.kind = kind;
    phase.repeat = repeat;
    phase.start_ns = nanoseconds(start_s);
    phase.end_ns = nanoseconds(end_s);
    trace_.phases.push_back(phase);
    return *this;
  }

  /// A finished request with `tokens` output tokens, the first after a tenth of its time.
  RequestRecord& request(double sent_s, double done_s, int64_t tokens = 10) {
    RequestRecord r;
    r.id = static_cast<int64_t>(trace_.requests.size());
    r.prompt_index = static_cast<int>(r.id);
    r.sent_ns = nanoseconds(sent_s);
    r.first_token_ns = nanoseconds(sent_s + 0.1 * (done_s - sent_s));
    r.last_token_ns = r.done_ns = nanoseconds(done_s);
    r.status = RequestStatus::kOk;
    r.prompt_tokens = 5;
    r.output_tokens = tokens;
    trace_.requests.push_back(r);
    return trace_.requests.back();
  }

  Domain& domain(Component component, DomainKind kind, int index = 0) {
    Domain d;
    d.id = static_cast<int>(trace_.domains.size());
    d.meter = "test";
    d.component = component;
    d.index = index;
    d.name = std::string(to_string(component)) + std::to_string(index) + "-" +
             std::string(to_string(kind));
    d.kind = kind;
    d.unit = kind == DomainKind::kCounter ? "J" : "W";
    trace_.domains.push_back(d);
    return trace_.domains.back();
  }

  /// Samples of the last domain every `period_s` from `start_s` to `end_s`: value(t).
  template <typename Value>
  TraceBuilder& samples(double start_s, double end_s, double period_s, Value value) {
    for (double t = start_s; t <= end_s + 1e-9; t += period_s) {
      trace_.samples.push_back(
          {trace_.domains.back().id, nanoseconds(t), static_cast<double>(value(t))});
    }
    return *this;
  }

  TraceBuilder& meta(const char* key, const Json& value) {
    trace_.meta[key] = value.is_string() ? value.get<std::string>() : value.dump();
    return *this;
  }

  TraceBuilder& event(double t_s, std::string kind, Json data) {
    trace_.events.push_back({nanoseconds(t_s), std::move(kind), std::move(data)});
    return *this;
  }

  [[nodiscard]] Trace& trace() { return trace_; }

 private:
  Trace trace_;
};

/// Energy at time t of a device that draws `idle_w` and, between two times, `busy_w`.
inline double step_energy(double t, double start_s, double end_s, double idle_w, double busy_w) {
  const double busy_s = std::clamp(t, start_s, end_s) - start_s;
  return idle_w * (t - busy_s) + busy_w * busy_s;
}

}  // namespace aieb
