#include <algorithm>

#include <gmock/gmock.h>
#include <unistd.h>

#include "meters/fake_nvml.h"
#include "meters/gpu_meters.h"
#include "meters/gpu_probe.h"
#include "meters/meter_reading.h"
#include "meters/nvml_gpu.h"

namespace aieb {
namespace {

using test::data_of;
using test::FakeNvml;
using test::FakeTree;
using test::kinds;
using test::names;
using test::NoNvml;
using test::read;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The first GPU of a script, opened through the real dlopen path.
struct OneGpu {
  explicit OneGpu(const std::string& script) : fake(script) {
    Nvml::Failure failure;
    nvml = Nvml::open(failure);
    gpus = open_gpus(nvml, {0}, false).gpus;
    fake.set_time(0);
  }
  FakeNvml fake;
  std::shared_ptr<const Nvml> nvml;
  std::vector<std::shared_ptr<GpuSensors>> gpus;
};

TEST(NvmlEnergy, counts_joules_since_the_first_read) {
  OneGpu one("gpu 0 name NVIDIA H100 80GB HBM3\ngpu 0 power 0 300\n");
  GpuEnergyMeter meter(one.gpus[0]);
  const Domain domain = meter.discover().domains.at(0);
  EXPECT_EQ(domain.name, "gpu0/energy");
  EXPECT_EQ(domain.note, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(domain.unit, "J");
  EXPECT_DOUBLE_EQ(domain.gain_uncertainty, 0.05);
  EXPECT_EQ(read(meter).at(0).value, 0);
  one.fake.set_time(2);
  EXPECT_NEAR(read(meter).at(0).value, 600, 1e-3);
}

TEST(NvmlEnergy, a_reset_counter_stays_monotone_and_is_reported) {
  OneGpu one("gpu 0 power 0 100\ngpu 0 reset 1.0\n");
  GpuEnergyMeter meter(one.gpus[0]);
  read(meter);
  one.fake.set_time(0.9);
  const double before = read(meter).at(0).value;
  EXPECT_NEAR(before, 90, 1e-3);
  one.fake.set_time(1.1);
  EXPECT_EQ(read(meter).at(0).value, before);
  one.fake.set_time(2.1);
  EXPECT_NEAR(read(meter).at(0).value, before + 100, 1e-3);
  EXPECT_THAT(kinds(meter), ElementsAre("counter_reset"));
}

TEST(NvmlEnergy, a_lost_gpu_appends_nothing_and_is_reported_once) {
  OneGpu one("gpu 0 lost 1.0\n");
  GpuEnergyMeter meter(one.gpus[0]);
  read(meter);
  one.fake.set_time(1.5);
  EXPECT_THAT(read(meter), IsEmpty());
  EXPECT_THAT(read(meter), IsEmpty());
  const auto events = meter.take_events();
  ASSERT_EQ(events.size(), 1);
  EXPECT_EQ(events[0].kind, "sensor_error");
  EXPECT_EQ(events[0].data["error"], "GPU is lost");
}

TEST(NvmlEnergy, a_gpu_without_counter_has_no_domain) {
  OneGpu one("gpu 0 no_counter\n");
  GpuEnergyMeter meter(one.gpus[0]);
  EXPECT_THAT(meter.discover().domains, IsEmpty());
  EXPECT_THAT(read(meter), IsEmpty());
}

TEST(NvmlPower, reads_the_instant_field_and_falls_back_to_usage) {
  for (const auto& [statement, source] : std::vector<std::pair<std::string, std::string>>{
           {"", "power.instant"}, {"gpu 0 no_fields\n", "power.usage"}}) {
    OneGpu one("gpu 0 power 0 70\ngpu 0 power 1 420.5\n" + statement);
    GpuPowerMeter meter(one.gpus);
    EXPECT_THAT(names(meter.discover()), ElementsAre("gpu0/power"));
    EXPECT_EQ(data_of(meter, "gpu_power_source")["source"], source);
    EXPECT_DOUBLE_EQ(read(meter).at(0).value, 70);
    one.fake.set_time(1);
    EXPECT_DOUBLE_EQ(read(meter).at(0).value, 420.5);
  }
}

TEST(NvmlPower, says_over_how_long_the_instant_field_of_a_known_board_is_a_mean) {
  for (const auto& [board, span_ms] :
       std::vector<std::pair<std::string, int64_t>>{{"NVIDIA A100-SXM4-80GB", 25},
                                                    {"NVIDIA H100 80GB HBM3", 22},
                                                    {"NVIDIA GH200 480GB", 20},
                                                    {"NVIDIA H200", 0}}) {
    OneGpu one("gpu 0 name " + board + "\ngpu 0 power 0 70\n");
    GpuPowerMeter meter(one.gpus);
    EXPECT_EQ(meter.discover().domains.at(0).averaging_ns, span_ms * 1'000'000) << board;
  }
}

TEST(NvmlPower, errors_of_one_gpu_leave_the_others_readable) {
  FakeNvml fake("gpus 3\ngpu 1 fail field 1 999 2\n");
  Nvml::Failure failure;
  const std::shared_ptr<const Nvml> nvml = Nvml::open(failure);
  GpuPowerMeter meter(open_gpus(nvml, {}, true).gpus);
  fake.set_time(1.5);
  const auto samples = read(meter);
  ASSERT_EQ(samples.size(), 2);
  EXPECT_EQ(samples[1].domain_id, 2);
  fake.set_time(2.5);
  EXPECT_EQ(read(meter).size(), 3);
  meter.take_events();
}

TEST(NvmlState, reads_what_the_gpu_tells_in_si_or_documented_units) {
  OneGpu one(
      "gpu 0 utilization 87\ngpu 0 temperature 66\ngpu 0 sm_clock 1755\n"
      "gpu 0 memory_used 2e9\ngpu 0 memory_power 38.2\n");
  GpuStateMeter meter(one.gpus[0], {});
  EXPECT_THAT(names(meter.discover()),
              ElementsAre("gpu0/utilization", "gpu0/memory_utilization", "gpu0/memory_used",
                          "gpu0/memory_total", "gpu0/temperature", "gpu0/sm_clock",
                          "gpu0/memory_clock", "gpu0/memory_power", "gpu0/power_limit"));
  std::vector<double> values;
  for (const Sample& sample : read(meter)) values.push_back(sample.value);
  EXPECT_THAT(values, ElementsAre(87, 12, 2e9, 80e9, 66, 1755, 2619, 38200, 700000));
  const Json about = data_of(meter, "gpu");
  EXPECT_EQ(about["power_limit_w"], 700);
  EXPECT_EQ(about["driver"], "580.159.04");
}

TEST(NvmlState, quantities_that_a_gpu_lacks_are_no_domains) {
  OneGpu one("gpu 0 fail utilization 0 3\ngpu 0 fail temperature 0 4\n");
  GpuStateMeter meter(one.gpus[0], {});
  EXPECT_THAT(names(meter.discover()),
              ElementsAre("gpu0/memory_used", "gpu0/memory_total", "gpu0/sm_clock",
                          "gpu0/memory_clock", "gpu0/power_limit"));
}

TEST(NvmlState, throttling_is_reported_when_it_begins_and_ends) {
  OneGpu one("gpu 0 throttle 1 36\ngpu 0 throttle 2 1\n");
  GpuStateMeter meter(one.gpus[0], {});
  meter.take_events();
  read(meter);
  EXPECT_TRUE(data_of(meter, "throttle").is_null());
  one.fake.set_time(1);
  read(meter);
  EXPECT_EQ(data_of(meter, "throttle")["reasons"], Json({"power_cap", "thermal"}));
  read(meter);
  EXPECT_TRUE(data_of(meter, "throttle").is_null());
  one.fake.set_time(2);
  read(meter);
  EXPECT_EQ(data_of(meter, "throttle")["reasons"], Json::array());
}

TEST(NvmlState, other_processes_on_the_gpu_are_reported_and_own_ones_are_not) {
  OneGpu one("gpu 0 pid " + std::to_string(::getpid()) + "\ngpu 0 pid 4000001\ngpu 0 pid 77\n");
  GpuStateMeter meter(one.gpus[0], {77});
  read(meter);
  const Json shared = data_of(meter, "gpu_shared");
  ASSERT_EQ(shared["processes"].size(), 1);
  EXPECT_EQ(shared["processes"][0]["pid"], 4000001);
}

TEST(NvmlState, a_gpu_in_mig_mode_says_what_cannot_be_split_between_which_instances) {
  OneGpu one("gpu 0 name H100\ngpu 0 mig 3g.40gb 4g.40gb\n");
  GpuStateMeter meter(one.gpus[0], {});
  Json about;
  Json mig;
  for (const TraceEvent& event : meter.take_events()) {
    if (event.kind == "gpu") about = event.data;
    if (event.kind == "mig") mig = event.data;
  }
  EXPECT_THAT(mig["message"], HasSubstr("(H100 MIG 3g.40gb, H100 MIG 4g.40gb)"));
  EXPECT_THAT(mig["message"], HasSubstr("cannot be split"));
  ASSERT_EQ(about["mig_instances"].size(), 2);
  EXPECT_EQ(about["mig_instances"][1]["name"], "H100 MIG 4g.40gb");
  EXPECT_THAT(about["mig_instances"][1]["uuid"], HasSubstr("MIG-"));
}

TEST(NvmlPower, a_module_with_a_cpu_is_a_cross_check_beside_the_gpu) {
  const FakeTree sys;
  sys.write("bus/pci/devices/0009:01:00.0/numa_node", "1\n");
  sys.write("bus/pci/devices/0019:01:00.0/numa_node", "1\n");
  FakeNvml fake(
      "gpus 3\ngpu 0 module_power 900\ngpu 0 bus_id 0009:01:00\n"
      "gpu 1 module_power 900\ngpu 1 bus_id 0019:01:00\n");
  Nvml::Failure failure;
  const std::shared_ptr<const Nvml> nvml = Nvml::open(failure);
  GpuPowerMeter meter(open_gpus(nvml, {}, true, sys.root()).gpus);
  EXPECT_THAT(names(meter.discover()),
              ElementsAre("gpu0/power", "gpu1/power", "gpu2/power", "module1/power"));
  const Domain module = meter.discover().domains.back();
  EXPECT_EQ(module.component, Component::kNode);
  EXPECT_EQ(module.index, 1);
  EXPECT_EQ(read(meter).back().value, 900);
}

TEST(OpenGpus, a_gpu_that_does_not_exist_or_may_not_be_used_is_missing_with_the_reason) {
  FakeNvml fake("gpus 2\ngpu 1 fail handle 0 4\n");
  Nvml::Failure failure;
  const std::shared_ptr<const Nvml> nvml = Nvml::open(failure);
  const OpenedGpus opened = open_gpus(nvml, {0, 1, 5}, false);
  EXPECT_EQ(opened.gpus.size(), 1);
  ASSERT_EQ(opened.missing.size(), 2);
  EXPECT_THAT(opened.missing[0].reason, HasSubstr("Insufficient Permissions"));
  EXPECT_THAT(opened.missing[0].fix, HasSubstr("/dev/nvidia1"));
  EXPECT_THAT(opened.missing[1].reason, HasSubstr("GPU 5"));
}

TEST(GpuProbe, lists_devices_of_a_driver_that_is_new_enough) {
  const FakeNvml fake("gpus 2\ngpu 1 name NVIDIA B200\n");
  const GpuProbe probe = probe_gpus();
  EXPECT_EQ(probe.problem, "");
  EXPECT_EQ(probe.cuda_driver_version, 13000);
  ASSERT_EQ(probe.devices.size(), 2);
  EXPECT_EQ(probe.devices[1].name, "NVIDIA B200");
  EXPECT_EQ(probe.devices[1].uuid, "GPU-fake-1");
  EXPECT_EQ(probe.devices[1].memory_bytes, 80'000'000'000);
}

TEST(GpuProbe, tells_apart_what_is_wrong_with_the_driver) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"driver 550.54.14\ngpus 1\n", "550.54.14 is too old for CUDA 13: install driver 580"},
      {"gpus 0\n", "sees no GPU"},
      {"init_error 9\n", "not loaded: run 'sudo modprobe nvidia'"},
      {"init_error 18\n", "reboot"},
      {"init_error 999\n", "does not answer"},
  };
  for (const auto& [script, problem] : cases) {
    const FakeNvml fake(script);
    const GpuProbe probe = probe_gpus();
    EXPECT_TRUE(probe.driver_found) << script;
    EXPECT_THAT(probe.problem, HasSubstr(problem)) << script;
    EXPECT_THAT(probe.problem, HasSubstr("device: auto")) << script;
  }
}

TEST(GpuProbe, without_driver_says_whether_there_is_a_gpu_to_drive) {
  const NoNvml none;
  const FakeTree sys;
  EXPECT_THAT(probe_gpus(sys.root()).problem, HasSubstr("no NVIDIA GPU and no NVIDIA driver"));
  EXPECT_FALSE(probe_gpus(sys.root()).driver_found);
  sys.write("bus/pci/devices/0000:41:00.0/vendor", "0x10de\n");
  sys.write("bus/pci/devices/0000:41:00.0/class", "0x030200\n");
  EXPECT_THAT(probe_gpus(sys.root()).problem, HasSubstr("install driver 580"));
}

TEST(GpuProbe, finds_the_gpus_that_a_server_computes_on) {
  const FakeNvml fake("gpus 4\ngpu 1 pid 500\ngpu 3 pid 501\ngpu 3 pid 9\n");
  EXPECT_THAT(gpus_of_processes({500, 501, 502}), ElementsAre(1, 3));
  EXPECT_THAT(gpus_of_processes({42}), IsEmpty());
}

}  // namespace
}  // namespace aieb
