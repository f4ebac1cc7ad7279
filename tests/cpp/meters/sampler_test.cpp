#include "meters/sampler.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <set>

#include <gmock/gmock.h>

#include "core/clock.h"
#include "meters/fake_nvml.h"
#include "meters/gpu_meters.h"
#include "meters/nvml_gpu.h"
#include "meters/recording_sink.h"

namespace aieb {
namespace {

using test::FakeNvml;
using test::RecordingSink;
using ::testing::ElementsAre;

constexpr int64_t kMillisecond = 1'000'000;

/// A meter whose values and costs a test decides.
class MadeUpMeter : public Meter {
 public:
  MadeUpMeter(std::vector<Domain> domains, int64_t period_ns, std::function<double()> value,
              int64_t cost_ns = 0)
      : domains_(std::move(domains)),
        period_ns_(period_ns),
        value_(std::move(value)),
        cost_ns_(cost_ns) {}
  [[nodiscard]] std::string name() const override { return "made-up"; }
  Discovery discover() override { return {domains_, {}}; }
  [[nodiscard]] int64_t period_ns() const override { return period_ns_; }
  void read(std::vector<Sample>& out) override {
    if (cost_ns_ > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(cost_ns_));
    const double value = value_();
    if (std::isnan(value)) return;
    for (size_t i = 0; i < domains_.size(); ++i) {
      out.push_back({static_cast<int>(i), now_ns(), value});
    }
  }

 private:
  std::vector<Domain> domains_;
  int64_t period_ns_;
  std::function<double()> value_;
  int64_t cost_ns_;
};

Domain domain(Component component, DomainKind kind, const std::string& unit,
              int64_t update_period_ns = 0) {
  Domain d;
  d.component = component;
  d.kind = kind;
  d.unit = unit;
  d.update_period_ns = update_period_ns;
  return d;
}

Domain gauge(Component component = Component::kCpu) {
  return domain(component, DomainKind::kGauge, "W");
}

template <typename... Meters>
std::vector<std::unique_ptr<Meter>> meters(Meters... list) {
  std::vector<std::unique_ptr<Meter>> result;
  (result.push_back(std::move(list)), ...);
  return result;
}

std::unique_ptr<MadeUpMeter> made_up(std::vector<Domain> domains, int64_t period_ns,
                                     std::function<double()> value, int64_t cost_ns = 0) {
  return std::make_unique<MadeUpMeter>(std::move(domains), period_ns, std::move(value), cost_ns);
}

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

TEST(Sampler, numbers_the_domains_of_all_meters_and_maps_their_samples) {
  RecordingSink sink;
  Sampler sampler(meters(made_up({gauge(), gauge()}, 1000 * kMillisecond, [] { return 1.0; }),
                         made_up({gauge()}, 1000 * kMillisecond, [] { return 2.0; })),
                  sink);
  sampler.start();
  sampler.stop();
  ASSERT_EQ(sink.domains().size(), 3);
  EXPECT_EQ(sink.domains()[2].id, 2);
  ASSERT_FALSE(sink.samples_of(2).empty());
  EXPECT_EQ(sink.samples_of(2)[0].value, 2.0);
  EXPECT_EQ(sink.samples_of(1)[0].value, 1.0);
}

TEST(Sampler, reads_each_meter_at_its_own_period) {
  RecordingSink sink;
  Sampler sampler(meters(made_up({gauge()}, 10 * kMillisecond, [] { return 1.0; }),
                         made_up({gauge()}, 100 * kMillisecond, [] { return 1.0; })),
                  sink);
  sampler.start();
  sleep_ms(520);
  sampler.stop();
  EXPECT_NEAR(static_cast<double>(sink.samples_of(0).size()), 53, 12);
  EXPECT_NEAR(static_cast<double>(sink.samples_of(1).size()), 7, 2);
}

TEST(Sampler, a_slow_meter_does_not_leave_gaps_in_a_fast_one) {
  RecordingSink sink;
  Sampler sampler(meters(made_up({gauge()}, 20 * kMillisecond, [] { return 1.0; }),
                         made_up(
                             {gauge()}, 100 * kMillisecond, [] { return 1.0; }, 12 * kMillisecond)),
                  sink);
  sampler.start();
  sleep_ms(150);
  const auto warm = sink.samples_of(0).size();
  sleep_ms(500);
  sampler.stop();
  const auto samples = sink.samples_of(0);
  int late = 0;
  for (size_t i = warm + 1; i + 1 < samples.size(); ++i) {
    late += samples[i].t_ns - samples[i - 1].t_ns > 30 * kMillisecond ? 1 : 0;
  }
  EXPECT_LE(late, 2) << "of " << samples.size() - warm;
}

TEST(Sampler, mark_returns_after_a_new_reading_of_every_domain) {
  RecordingSink sink;
  Sampler sampler(meters(made_up({gauge()}, 10'000 * kMillisecond, [] { return 1.0; }),
                         made_up({gauge()}, 20'000 * kMillisecond, [] { return 1.0; })),
                  sink);
  sampler.start();
  for (int i = 0; i < 5; ++i) {
    const int64_t before = now_ns();
    sampler.mark();
    const int64_t after = now_ns();
    for (const int id : {0, 1}) {
      const Sample last = sink.samples_of(id).back();
      EXPECT_GE(last.t_ns, before);
      EXPECT_LE(last.t_ns, after);
    }
  }
}

TEST(Sampler, mark_waits_for_a_counter_to_move) {
  // Moves every 60 ms, as a sensor does: the first reading at a mark is old.
  const int64_t start = now_ns();
  const auto stepping = [start] {
    return std::floor(static_cast<double>(now_ns() - start) / (60.0 * kMillisecond));
  };
  RecordingSink sink;
  Sampler sampler(
      meters(made_up({domain(Component::kGpu, DomainKind::kCounter, "J", 60 * kMillisecond)},
                     10'000 * kMillisecond, stepping)),
      sink);
  sampler.start();
  sleep_ms(15);
  for (int i = 0; i < 4; ++i) {
    sampler.mark();
    const auto samples = sink.samples_of(0);
    const Sample last = samples.back();
    EXPECT_GT(last.value, samples[samples.size() - 2].value);
    const double since_step = std::fmod(static_cast<double>(last.t_ns - start), 60e6) / 1e6;
    EXPECT_LT(since_step, 15) << "ms after the counter moved";
    sleep_ms(23);
  }
}

TEST(Sampler, mark_gives_up_on_a_counter_that_is_stuck) {
  RecordingSink sink;
  Sampler sampler(
      meters(made_up({domain(Component::kGpu, DomainKind::kCounter, "J", 100 * kMillisecond)},
                     10'000 * kMillisecond, [] { return 7.0; })),
      sink);
  sampler.start();
  const int64_t before = now_ns();
  sampler.mark();
  EXPECT_LT(seconds(now_ns() - before), 0.3);
}

TEST(Sampler, fast_meters_keep_their_period_while_a_mark_waits) {
  RecordingSink sink;
  Sampler sampler(
      meters(made_up(
                 {domain(Component::kGpu, DomainKind::kCounter, "J", 140 * kMillisecond)},
                 10'000 * kMillisecond, [] { return 7.0; }, 4 * kMillisecond),
             made_up({gauge()}, 20 * kMillisecond, [] { return 1.0; })),
      sink);
  sampler.start();
  sleep_ms(30);
  const auto before = sink.samples_of(1).size();
  sampler.mark();
  EXPECT_GE(sink.samples_of(1).size() - before, 7);
}

TEST(Sampler, marks_from_several_threads_all_return) {
  RecordingSink sink;
  Sampler sampler(meters(made_up({gauge()}, 5 * kMillisecond, [] { return 1.0; })), sink);
  sampler.start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) sampler.mark();
    });
  }
  for (std::thread& thread : threads) thread.join();
  sampler.stop();
  sampler.mark();
  sampler.stop();
}

TEST(Sampler, a_meter_that_cannot_read_leaves_a_gap_and_not_a_zero) {
  std::atomic<bool> broken = false;
  RecordingSink sink;
  Sampler sampler(meters(made_up({gauge()}, 10'000 * kMillisecond,
                                 [&] { return broken ? std::nan("") : 5.0; })),
                  sink);
  sampler.start();
  sampler.mark();
  broken = true;
  const auto before = sink.samples_of(0).size();
  sampler.mark();
  EXPECT_EQ(sink.samples_of(0).size(), before);
}

TEST(Sampler, live_power_adds_gpu_cpu_and_dram_and_prefers_counters) {
  const int64_t start = now_ns();
  const auto energy = [start](double watts) {
    return [start, watts] { return watts * seconds(now_ns() - start); };
  };
  const auto counter = [](Component c) { return domain(c, DomainKind::kCounter, "J"); };
  const auto constant = [](double value) { return [value] { return value; }; };
  const int64_t period = 50 * kMillisecond;
  RecordingSink sink;
  Sampler sampler(
      meters(made_up({gauge(Component::kGpu)}, period, constant(120)),
             made_up({counter(Component::kGpu)}, period, energy(300)),
             made_up({counter(Component::kCpu)}, period, energy(40)),
             made_up({domain(Component::kDram, DomainKind::kEstimate, "W")}, period, constant(10)),
             made_up({gauge(Component::kNode)}, period, constant(9999)),
             made_up({domain(Component::kGpu, DomainKind::kGauge, "degC")}, period, constant(66))),
      sink);
  EXPECT_FALSE(sampler.latest_power_w().has_value());
  sampler.start();
  sleep_ms(100);
  EXPECT_NEAR(sampler.latest_power_w().value(), 130, 1) << "before the counters have a rate";
  sleep_ms(700);
  EXPECT_NEAR(sampler.latest_power_w().value(), 350, 5);
  sampler.stop();
}

TEST(Sampler, without_meters_it_runs_and_knows_no_power) {
  RecordingSink sink;
  Sampler sampler({}, sink);
  sampler.start();
  sampler.mark();
  EXPECT_FALSE(sampler.latest_power_w().has_value());
  sampler.stop();
  EXPECT_TRUE(sink.samples().empty());
}

TEST(Sampler, events_of_meters_reach_the_sink) {
  FakeNvml fake("gpu 0 power 0 100\ngpu 0 reset 0.05\ngpu 0 period 1\n");
  Nvml::Failure failure;
  const std::shared_ptr<const Nvml> nvml = Nvml::open(failure);
  RecordingSink sink;
  fake.set_time(0);
  Sampler sampler(meters(std::make_unique<GpuEnergyMeter>(open_gpus(nvml, {0}, false).gpus.at(0))),
                  sink);
  sampler.start();
  sampler.mark();
  fake.set_time(0.1);
  sampler.mark();
  sampler.stop();
  ASSERT_EQ(sink.events().size(), 1);
  EXPECT_EQ(sink.events()[0].kind, "counter_reset");
}

/// What eight fake GPUs cost for 1.5 s.
SamplerCost cost_of_eight_gpus() {
  const FakeNvml fake("gpus 8\n");
  Nvml::Failure failure;
  const std::shared_ptr<const Nvml> nvml = Nvml::open(failure);
  std::vector<std::unique_ptr<Meter>> list;
  const auto gpus = open_gpus(nvml, {}, true).gpus;
  list.push_back(std::make_unique<GpuPowerMeter>(gpus));
  for (const std::shared_ptr<GpuSensors>& gpu : gpus) {
    list.push_back(std::make_unique<GpuEnergyMeter>(gpu));
    list.push_back(std::make_unique<GpuStateMeter>(gpu, std::vector<int>{}));
  }
  RecordingSink sink;
  const int64_t before = now_ns();
  Sampler sampler(std::move(list), sink);
  sampler.start();
  EXPECT_LT(seconds(now_ns() - before), 0.05);
  sleep_ms(1500);
  sampler.stop();
  return sampler.cost();
}

TEST(Sampler, costs_less_than_three_thousandths_of_a_core_for_eight_gpus) {
  // What else the machine does can only add to the time that is counted: the least of eight.
  constexpr double kAllowed = 0.003;
  double least = 1;
  for (int attempt = 0; attempt < 8 && least >= kAllowed; ++attempt) {
    const SamplerCost cost = cost_of_eight_gpus();
    EXPECT_GT(cost.reads, 20);
    least = std::min(least, cost.own_share());
  }
  RecordProperty("own_share_percent", std::to_string(100 * least));
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(least, kAllowed);
#endif
}

}  // namespace
}  // namespace aieb
