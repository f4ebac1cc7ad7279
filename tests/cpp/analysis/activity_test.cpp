#include "analysis/activity.h"

#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "trace_builder.h"

namespace aieb {
namespace {

/// A counter of the machine's bytes that grows by 100 a second from 5000 on.
void add_counter(TraceBuilder& b, const std::string& name, double until_s = 12) {
  Domain& domain = b.domain(Component::kNode, DomainKind::kCounter);
  domain.meter = "activity";
  domain.name = name;
  domain.unit = "B";
  b.samples(0, until_s, 1, [](double t) { return 5000 + 100 * t; });
}

TEST(HostActivity, is_what_the_counters_rose_by_in_the_windows) {
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 1, 2.5)
      .phase(PhaseKind::kMeasure, 3.5, 5)
      .phase(PhaseKind::kMeasure, 7, 11.25);
  add_counter(b, "network/received");
  const Results r = analyze(b.trace());
  EXPECT_DOUBLE_EQ(r.activity.network_received_bytes.value(), 100 * (1.5 + 4.25));
  EXPECT_DOUBLE_EQ(r.other_activity.at("idle").network_received_bytes.value(), 150);
  EXPECT_FALSE(r.activity.network_sent_bytes.has_value());
  EXPECT_FALSE(r.activity.memory_bytes.has_value());
}

TEST(HostActivity, is_no_energy) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 1, 11);
  add_counter(b, "disk/read");
  const Results r = analyze(b.trace());
  EXPECT_FALSE(r.measure.components.contains(Component::kNode));
  EXPECT_TRUE(r.measure.domains.empty());
}

TEST(HostActivity, reads_and_writes_of_memory_add_up_where_both_are_known) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 1, 11);
  add_counter(b, "memory/read");
  EXPECT_FALSE(analyze(b.trace()).activity.memory_bytes.has_value());
  add_counter(b, "memory/written");
  EXPECT_DOUBLE_EQ(analyze(b.trace()).activity.memory_bytes.value(), 2000);
}

TEST(HostActivity, is_absent_in_windows_without_readings) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 5, 11);
  add_counter(b, "disk/written", 3);
  EXPECT_FALSE(analyze(b.trace()).activity.disk_written_bytes.has_value());
}

TEST(HostActivity, a_reason_comes_with_what_would_help) {
  TraceBuilder b;
  b.event(0, "activity_missing", {{"what", "memory"}, {"reason", "denied"}, {"fix", "sudo x"}});
  b.event(0, "activity_missing", {{"what", "disk"}, {"reason", "there is no disk"}, {"fix", ""}});
  const Results r = analyze(b.trace());
  EXPECT_EQ(r.activity_missing.at("memory"), "denied; to read it: sudo x");
  EXPECT_EQ(r.activity_missing.at("disk"), "there is no disk");
}

TEST(GpuState, parts_and_limits_of_the_power_are_told_beside_it_and_never_added) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kGpu, DomainKind::kGauge).name = "gpu0/power";
  b.samples(0, 10, 0.1, [](double) { return 300.0; });
  for (const auto& [name, milliwatts] :
       {std::pair{"gpu0/memory_power", 45e3}, std::pair{"gpu0/power_limit", 700e3}}) {
    Domain& d = b.domain(Component::kGpu, DomainKind::kGauge);
    d.name = name;
    d.unit = "mW";
    b.samples(0, 10, 0.5, [value = milliwatts](double) { return value; });
  }
  b.event(2, "throttle", {{"gpu", 0}, {"reasons", {"thermal", "power_cap"}}});
  const Results r = analyze(b.trace());
  EXPECT_NEAR(r.measure.total.gross.value.value_or(0), 3000, 1);
  ASSERT_EQ(r.gpus.size(), 1U);
  EXPECT_NEAR(r.gpus[0].mean_memory_power_w.value(), 45, 1e-9);
  EXPECT_NEAR(r.gpus[0].power_limit_w.value(), 700, 1e-9);
  EXPECT_EQ(r.gpus[0].throttled_by, "power_cap, thermal");
}

}  // namespace
}  // namespace aieb
