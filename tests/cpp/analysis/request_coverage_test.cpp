#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "analysis/sensor_simulation.h"
#include "analysis/test_seed.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {
using simulation::PowerTrace;

/// How requests follow each other.
enum class Arrivals { kWithPauses, kBackToBack, kOverlapping };

/// A server's GPU behind an exporter that has a new value only every 0.05 s to 0.3 s.
struct Case {
  std::string name;
  DomainKind kind;
  Arrivals arrivals;
  bool means = false;  ///< a gauge that shows the mean since the value before
};

struct Request {
  double start_s;
  double end_s;

  /// As `TraceBuilder` has it.
  [[nodiscard]] double first_token_s() const { return start_s + 0.1 * (end_s - start_s); }
};

constexpr double kIdle_s = 4;
constexpr double kLead_s = 1;  ///< of the measurement, before the first request

double draw(std::mt19937_64& random, double a, double b) {
  return std::uniform_real_distribution<double>(a, b)(random);
}

std::vector<Request> make_requests(std::mt19937_64& random, Arrivals arrivals) {
  std::vector<Request> requests;
  double t = kIdle_s + kLead_s;
  for (int i = 0; i < 5; ++i) {
    const double length = 0.4 * std::pow(10.0, draw(random, 0, 1));
    requests.push_back({t, t + length});
    if (arrivals == Arrivals::kOverlapping) {
      t += length * draw(random, 0.2, 0.9);
    } else {
      t += length + (arrivals == Arrivals::kBackToBack ? 0.003 : draw(random, 0.1, 1.5));
    }
  }
  return requests;
}

/// Power of the server, how many requests it works on, and each request's share of its energy.
class Server {
 public:
  Server(std::mt19937_64& random, std::vector<Request> requests)
      : requests_(std::move(requests)),
        end_s_(std::max_element(requests_.begin(), requests_.end(),
                                [](auto& a, auto& b) { return a.end_s < b.end_s; })
                   ->end_s),
        shares_(requests_.size(), 0.0),
        trace_(make(random)) {}

  [[nodiscard]] const std::vector<Request>& requests() const { return requests_; }
  [[nodiscard]] double end_s() const { return end_s_; }
  [[nodiscard]] double share_j(size_t request) const { return shares_[request]; }
  [[nodiscard]] double unattributed_j() const { return unattributed_; }
  [[nodiscard]] double before_first_token_j() const { return before_; }
  [[nodiscard]] double after_first_token_j() const { return after_; }
  [[nodiscard]] const PowerTrace& trace() const { return trace_; }
  static constexpr double kTail_s = 1.5;

 private:
  [[nodiscard]] std::vector<size_t> at(double t) const {
    std::vector<size_t> in_flight;
    for (size_t i = 0; i < requests_.size(); ++i) {
      if (t >= requests_[i].start_s && t < requests_[i].end_s) in_flight.push_back(i);
    }
    return in_flight;
  }

  PowerTrace make(std::mt19937_64& random) {
    std::normal_distribution<double> normal;
    std::vector<double> power;
    double wander = 0;
    double noise = 0;
    for (double t = 0; t < end_s_ + 2 * kTail_s; t += PowerTrace::kStep_s) {
      wander += -wander * 0.001 + normal(random) * 0.003;
      noise = 0.65 * noise + normal(random) * 0.03;
      const std::vector<size_t> in_flight = at(t);
      const auto n = static_cast<double>(in_flight.size());
      const auto computes_prompt = [&](size_t i) { return t < requests_[i].first_token_s(); };
      const auto prompts =
          static_cast<double>(std::count_if(in_flight.begin(), in_flight.end(), computes_prompt));
      const double level = n == 0 ? 100 : 350 + 60 * n + 120 * prompts;
      power.push_back(level * (1 + wander + noise));
      const double energy = power.back() * PowerTrace::kStep_s;
      for (const size_t i : in_flight) {
        shares_[i] += energy / n;
        (computes_prompt(i) ? before_ : after_) += energy / n;
      }
      if (n == 0 && t >= kIdle_s && t < end_s_ + kLead_s) unattributed_ += energy;
    }
    return PowerTrace(std::move(power));
  }

  std::vector<Request> requests_;
  double end_s_;
  std::vector<double> shares_;
  double unattributed_ = 0;
  double before_ = 0;
  double after_ = 0;
  PowerTrace trace_;
};

/// What the analysis makes of the server as a slow exporter shows it.
Results observe(std::mt19937_64& random, const Case& c, const Server& server) {
  TraceBuilder b;
  const double end_s = server.end_s() + kLead_s;
  b.phase(PhaseKind::kIdle, 0.5, kIdle_s).phase(PhaseKind::kMeasure, kIdle_s, end_s);
  for (const Request& request : server.requests()) {
    // Without its tokens every request weighs the same, as in `Server`.
    b.request(request.start_s, request.end_s).prompt_tokens.reset();
  }
  b.domain(Component::kGpu, c.kind).meter = "exporter";
  const double update_s = 0.05 * std::pow(6.0, draw(random, 0, 1));
  const double scrape_s = update_s * draw(random, 0.3, 1.2);
  const double half_width_s = draw(random, 0, 0.02);
  const double clock_error_s = draw(random, -half_width_s, half_width_s);
  std::vector<double> updates;
  for (double t = -draw(random, 0, update_s); t < end_s + Server::kTail_s; t += update_s) {
    updates.push_back(t + draw(random, -0.01, 0.01) * update_s);
  }
  const double mean_s = c.means ? update_s : 0.025;
  for (double t = draw(random, 0.4, 0.5); t < end_s + Server::kTail_s; t += scrape_s) {
    const double shown = *(std::upper_bound(updates.begin(), updates.end(), t) - 1);
    const PowerTrace& p = server.trace();
    const double value = c.kind == DomainKind::kCounter
                             ? p.energy(shown)
                             : (p.energy(shown) - p.energy(shown - mean_s)) / mean_s;
    b.trace().samples.push_back({0, nanoseconds(t + clock_error_s), value});
  }
  b.event(0, "exporter",
          {{"meter", "exporter"}, {"update_s", nullptr}, {"if_too_coarse", "set the interval"}});
  b.event(0, "clock_offset", {{"meter", "exporter"}, {"half_width_s", half_width_s}});
  return analyze(b.trace());
}

struct Tally {
  int n = 0;
  int covered = 0;
  double squares = 0;
  double stated_squares = 0;

  void add(const Quantity& energy, double truth) {
    ASSERT_TRUE(energy.known()) << energy.reason;
    const double error = *energy.value - truth;
    ++n;
    covered += std::abs(error) <= energy.uncertainty() ? 1 : 0;
    squares += error * error;
    stated_squares += energy.uncertainty() * energy.uncertainty() / 4;
  }
  void print(const Case& c, const char* what) const {
    std::printf("%-36s %-12s covered %5.1f %% of %d, rms error %6.2f J (stated %6.2f)\n",
                c.name.c_str(), what, 100.0 * covered / n, n, std::sqrt(squares / n),
                std::sqrt(stated_squares / n));
  }
};

class RequestCoverage : public ::testing::TestWithParam<Case> {};

TEST_P(RequestCoverage, the_stated_interval_holds_the_energy_of_93_percent_of_the_requests) {
  std::mt19937_64 random(test_seed());
  Tally requests;
  Tally rest;
  Tally before;
  Tally after;
  for (int run = 0; run < 300; ++run) {
    const Server server(random, make_requests(random, GetParam().arrivals));
    const Results results = observe(random, GetParam(), server);
    for (size_t i = 0; i < server.requests().size(); ++i) {
      requests.add(results.requests.at(i).energy, server.share_j(i));
    }
    rest.add(results.unattributed, server.unattributed_j());
    before.add(results.before_first_token, server.before_first_token_j());
    after.add(results.after_first_token, server.after_first_token_j());
  }
  requests.print(GetParam(), "requests");
  rest.print(GetParam(), "unattributed");
  before.print(GetParam(), "before token");
  after.print(GetParam(), "after token");
  // A gauge that does not say that it shows means blurs all pauses alike.
  EXPECT_GE(requests.covered, (GetParam().means ? 0.92 : 0.93) * requests.n);
  EXPECT_GE(rest.covered, (GetParam().means ? 0.85 : 0.9) * rest.n);
  EXPECT_GE(before.covered, 0.93 * before.n);
  EXPECT_GE(after.covered, 0.93 * after.n);
  // An interval that holds everything says nothing.
  EXPECT_LT(requests.stated_squares, 9 * requests.squares);
}

INSTANTIATE_TEST_SUITE_P(
    Exporters, RequestCoverage,
    ::testing::Values(
        Case{"counter, pauses", DomainKind::kCounter, Arrivals::kWithPauses},
        Case{"counter, back to back", DomainKind::kCounter, Arrivals::kBackToBack},
        Case{"counter, overlapping", DomainKind::kCounter, Arrivals::kOverlapping},
        Case{"gauge, pauses", DomainKind::kGauge, Arrivals::kWithPauses},
        Case{"gauge, back to back", DomainKind::kGauge, Arrivals::kBackToBack},
        Case{"gauge, overlapping", DomainKind::kGauge, Arrivals::kOverlapping},
        Case{"gauge of means, pauses", DomainKind::kGauge, Arrivals::kWithPauses, true},
        Case{"gauge of means, overlapping", DomainKind::kGauge, Arrivals::kOverlapping, true}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& ch : name) ch = std::isalnum(static_cast<unsigned char>(ch)) != 0 ? ch : '_';
      return name;
    });

}  // namespace
}  // namespace aieb
