#include "runner/monitor.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "../meters/fake_amdsmi.h"
#include "../meters/fake_nvml.h"
#include "core/error.h"

namespace aieb {
namespace {

using test::FakeNvml;
using test::FakeTree;

void wait_s(double s) { std::this_thread::sleep_for(std::chrono::duration<double>(s)); }

TEST(Monitor, records_every_gpu_of_the_machine_and_the_command_s_end) {
  const FakeNvml nvml(
      "gpu 0 name NVIDIA H100 80GB HBM3\ngpu 0 power 0 300\n"
      "gpu 1 name NVIDIA H100 80GB HBM3\ngpu 1 power 0 100\n");
  const FakeTree tree;
  BenchmarkConfig config;
  config.name = "job";
  Monitor monitor(config, {tree.path("job.db"), "the-id", {"/usr/bin/job", "--fast"}, false});
  monitor.start();
  monitor.begin(PhaseKind::kIdle);
  wait_s(0.3);
  monitor.end();
  monitor.begin(PhaseKind::kMeasure);
  wait_s(0.5);
  monitor.end();
  monitor.stop(CommandExit{3, 0});
  const Results results = monitor.results();
  EXPECT_TRUE(results.is_monitor());
  EXPECT_EQ(results.run_id, "the-id");
  EXPECT_EQ(results.model, "job");
  EXPECT_EQ(results.gpus.size(), 2U);
  EXPECT_EQ(results.backend_info["details"]["command"][1], "--fast");
  EXPECT_EQ(results.backend_info["details"]["command_exit"]["code"], 3);
  EXPECT_TRUE(results.measure.components.contains(Component::kGpu));
  EXPECT_TRUE(results.other_phases.contains("idle"));
}

TEST(Monitor, measures_amds_gpus_beside_nvidias_and_what_the_machine_moved) {
  const FakeNvml nvml("gpu 0 name NVIDIA H100 80GB HBM3\ngpu 0 power 0 300\n");
  const test::FakeAmdSmi amd("gpu 0 name AMD Instinct MI300X\ngpu 0 power 0 500\ngpu 0 period 0\n");
  const FakeTree tree;
  Monitor monitor({}, {tree.path("job.db"), "the-id", {"/usr/bin/job"}, false});
  monitor.start();
  monitor.begin(PhaseKind::kMeasure);
  wait_s(0.5);
  monitor.end();
  monitor.stop(CommandExit{0, 0});
  const Results results = monitor.results();
  ASSERT_EQ(results.gpus.size(), 2U);
  EXPECT_EQ(results.gpus[1].name, "AMD Instinct MI300X");
  EXPECT_EQ(results.gpus[1].energy.source, Source::kMeasuredCounter);
  const double watts = *results.gpus[1].energy.value / results.measure.duration_s;
  EXPECT_NEAR(watts, 500, 25);
  EXPECT_TRUE(results.activity.network_received_bytes.has_value() ||
              results.activity_missing.contains("network"));
}

TEST(Monitor, needs_no_recording_to_show_power_and_energy) {
  const FakeNvml nvml("gpu 0 name NVIDIA H100 80GB HBM3\ngpu 0 power 0 300\n");
  Monitor monitor({}, {});
  monitor.start();
  monitor.begin(PhaseKind::kMeasure);
  wait_s(1.2);
  monitor.end();
  monitor.stop();
  const LiveReading reading = monitor.read();
  EXPECT_GT(reading.elapsed_s, 0.5);
  EXPECT_FALSE(reading.devices.empty());
}

TEST(Monitor, a_place_that_nobody_knows_is_refused_before_anything_is_measured) {
  BenchmarkConfig config;
  config.metrics.country_iso_code = "ATLANTIS";
  EXPECT_THROW(Monitor(config, {}), ConfigError);
}

}  // namespace
}  // namespace aieb
