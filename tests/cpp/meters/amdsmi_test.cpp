#include <cstring>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "meters/amd_gpu.h"
#include "meters/discover.h"
#include "meters/fake_amdsmi.h"
#include "meters/fake_nvml.h"
#include "meters/gpu_meters.h"
#include "meters/gpu_probe.h"
#include "meters/kfd.h"
#include "meters/meter_reading.h"

namespace aieb {
namespace {

using test::data_of;
using test::FakeAmdSmi;
using test::FakeNvml;
using test::FakeTree;
using test::kinds;
using test::names;
using test::NoNvml;
using test::read;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// The GPUs of a script, opened through the real dlopen path; their counters were judged while the
/// script's clock ran, and it stands at 10 s from then on.
struct AmdGpus {
  explicit AmdGpus(const std::string& script) : fake(script) {
    AmdSmi::Failure failure;
    smi = AmdSmi::open(failure);
    opened = open_amd_gpus({smi, 0, sys.root()}, {}, true);
    fake.set_time(10);
  }
  [[nodiscard]] const std::shared_ptr<GpuSensors>& gpu(size_t i = 0) const {
    return opened.gpus.at(i);
  }
  FakeTree sys;
  FakeAmdSmi fake;
  std::shared_ptr<const AmdSmi> smi;
  OpenedGpus opened;
};

/// A file `gpu_metrics` of the GPU at 0000:c1:00.0: header, then values at their offsets.
void write_metrics(const FakeTree& sys, uint8_t format, uint8_t content, size_t offset,
                   const std::vector<uint32_t>& values) {
  std::string bytes(160, '\0');
  const auto size = static_cast<uint16_t>(bytes.size());
  std::memcpy(bytes.data(), &size, sizeof(size));
  bytes[2] = static_cast<char>(format);
  bytes[3] = static_cast<char>(content);
  std::memcpy(bytes.data() + offset, values.data(), values.size() * sizeof(uint32_t));
  sys.write("bus/pci/devices/0000:c1:00.0/gpu_metrics", bytes);
}

TEST(AmdSmi, lists_gpus_only_and_says_what_they_are) {
  const AmdGpus amd("gpus 2\ngpu 1 name AMD Instinct MI300X\n");
  ASSERT_EQ(amd.opened.gpus.size(), 2);
  EXPECT_EQ(amd.gpu(1)->name(), "AMD Instinct MI300X");
  const Json about = amd.gpu(1)->about();
  EXPECT_EQ(about["uuid"], "a5ff-fake-1");
  EXPECT_EQ(about["pci_bus_id"], "0000:c2:00.0");
  EXPECT_EQ(about["driver"], "amdsmi 26.5.1");
  EXPECT_EQ(about["power_limit_w"], 750);
}

TEST(AmdSmi, finds_the_power_where_each_release_writes_it) {
  for (const std::string version : {"24", "25", "26"}) {
    for (const auto& [kind, source] : std::vector<std::pair<std::string, std::string>>{
             {"", "socket_power.current"},
             {"gpu 0 average_power_only\n", "socket_power.average"}}) {
      const AmdGpus amd("library_version " + version + "\ngpu 0 power 0 412\n" + kind);
      GpuPowerMeter meter({amd.gpu()});
      EXPECT_EQ(data_of(meter, "gpu_power_source")["source"], source) << version;
      EXPECT_EQ(read(meter).at(0).value, 412) << version;
      EXPECT_EQ(meter.discover().domains.at(0).resolution, 1);
    }
  }
}

TEST(AmdEnergy, is_the_accumulator_times_its_resolution) {
  const AmdGpus amd("gpu 0 power 0 300\ngpu 0 period 0\n");
  GpuEnergyMeter meter(amd.gpu());
  const Domain domain = meter.discover().domains.at(0);
  EXPECT_EQ(domain.meter, "amdsmi");
  EXPECT_EQ(domain.name, "gpu0/energy");
  EXPECT_NEAR(domain.resolution, 15.259e-6, 1e-9);
  EXPECT_EQ(read(meter).at(0).value, 0);
  amd.fake.set_time(12);
  EXPECT_NEAR(read(meter).at(0).value, 600, 1e-2);
  EXPECT_THAT(kinds(meter), IsEmpty());
}

TEST(AmdEnergy, a_counter_of_32_bits_wraps_and_every_wrap_is_counted) {
  // 65.5 kJ a turn: 131 s at 500 W.
  const AmdGpus amd("gpu 0 power 0 500\ngpu 0 period 0\ngpu 0 counts_wrap 4294967296\n");
  GpuEnergyMeter meter(amd.gpu());
  read(meter);
  double joules = 0;
  for (double t = 11; t <= 410; t += 1) {
    amd.fake.set_time(t);
    joules = read(meter).at(0).value;
  }
  EXPECT_NEAR(joules, 400 * 500, 1);
  EXPECT_THAT(kinds(meter), ElementsAre("counter_wrap", "counter_wrap", "counter_wrap"));
}

TEST(AmdEnergy, a_counter_past_32_bits_never_wraps_so_that_a_fall_is_a_reset) {
  const AmdGpus amd("gpu 0 power 0 500\ngpu 0 period 0\ngpu 0 start_mj 9e7\ngpu 0 reset 11\n");
  GpuEnergyMeter meter(amd.gpu());
  read(meter);
  amd.fake.set_time(12);
  read(meter);
  amd.fake.set_time(13);
  EXPECT_NEAR(read(meter).at(0).value, 500, 1e-2);
  EXPECT_THAT(kinds(meter), ElementsAre("counter_reset"));
}

TEST(AmdEnergy, a_counter_that_stands_still_or_runs_wrong_is_not_used_and_the_power_is) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"gpu 0 period 1e8\n", "does not move"},
      {"gpu 0 period 1e8\ngpu 0 start_mj 0\n", "reads 0 (of an MI250"},
      {"gpu 0 period 0\ngpu 0 counter_gain 1000\n", "where its power says 300.0 W"},
      {"gpu 0 period 0\ngpu 0 counter_gain 0.01\n", "where its power says 300.0 W"},
  };
  for (const auto& [script, reason] : cases) {
    const AmdGpus amd("gpu 0 power 0 300\n" + script);
    GpuEnergyMeter energy(amd.gpu());
    EXPECT_THAT(energy.discover().domains, IsEmpty()) << script;
    EXPECT_THAT(data_of(energy, "warning")["text"], HasSubstr(reason)) << script;
    GpuPowerMeter power({amd.gpu()});
    EXPECT_THAT(names(power.discover()), ElementsAre("gpu0/power"));
  }
}

TEST(AmdEnergy, a_gpu_without_counter_gives_no_reason_to_warn) {
  const AmdGpus amd("gpu 0 fail energy 0 2\n");
  GpuEnergyMeter meter(amd.gpu());
  EXPECT_THAT(meter.discover().domains, IsEmpty());
  EXPECT_THAT(kinds(meter), IsEmpty());
}

TEST(AmdEnergy, a_failed_read_leaves_a_gap_that_is_told_once) {
  const AmdGpus amd("gpu 0 power 0 300\ngpu 0 period 0\ngpu 0 fail energy 11 7 13\n");
  GpuEnergyMeter meter(amd.gpu());
  read(meter);
  amd.fake.set_time(11.5);
  EXPECT_THAT(read(meter), IsEmpty());
  EXPECT_THAT(read(meter), IsEmpty());
  amd.fake.set_time(14);
  EXPECT_NEAR(read(meter).at(0).value, 1200, 1e-2);
  EXPECT_THAT(kinds(meter), ElementsAre("sensor_error", "sensor_recovered"));
}

TEST(AmdState, reads_what_the_gpu_tells_with_the_hottest_spot_as_temperature) {
  const AmdGpus amd(
      "gpu 0 utilization 93\ngpu 0 temperature 71\ngpu 0 sm_clock 2100\ngpu 0 memory_used 3e9\n");
  GpuStateMeter meter(amd.gpu(), {});
  EXPECT_THAT(names(meter.discover()),
              ElementsAre("gpu0/utilization", "gpu0/memory_utilization", "gpu0/memory_used",
                          "gpu0/memory_total", "gpu0/temperature", "gpu0/memory_temperature",
                          "gpu0/sm_clock", "gpu0/memory_clock", "gpu0/power_limit"));
  std::vector<double> values;
  for (const Sample& sample : read(meter)) values.push_back(sample.value);
  EXPECT_THAT(values, ElementsAre(93, 12, 3e9, 80e9, 70, 69, 2100, 1300, 750000));
}

TEST(AmdState, a_gpu_that_is_divided_says_so) {
  const AmdGpus amd("gpu 0 partition CPX\n");
  GpuStateMeter meter(amd.gpu(), {});
  EXPECT_THAT(data_of(meter, "mig")["message"], HasSubstr("partitions (CPX)"));
}

TEST(AmdState, throttling_is_told_from_the_times_that_each_limiter_was_active) {
  for (const auto& [content, offset] : std::vector<std::pair<uint8_t, size_t>>{{6, 36}, {8, 44}}) {
    const AmdGpus amd("gpus 1\n");
    write_metrics(amd.sys, 1, content, offset, {5, 100, 7, UINT32_MAX, 0});
    GpuStateMeter meter(amd.gpu(), {});
    read(meter);
    EXPECT_TRUE(data_of(meter, "throttle").is_null());
    write_metrics(amd.sys, 1, content, offset, {5, 120, 7, UINT32_MAX, 3});
    read(meter);
    EXPECT_EQ(data_of(meter, "throttle")["reasons"], Json({"power_cap", "memory_thermal"}));
    read(meter);
    EXPECT_EQ(data_of(meter, "throttle")["reasons"], Json::array());
  }
}

TEST(AmdState, throttling_of_older_gpus_is_told_from_their_status) {
  const AmdGpus amd("gpus 1\n");
  write_metrics(amd.sys, 1, 3, 112, {1U << 16, 1U << 4});  // a current and a temperature limit
  GpuStateMeter meter(amd.gpu(), {});
  read(meter);
  EXPECT_EQ(data_of(meter, "throttle")["reasons"], Json({"current", "thermal"}));
}

TEST(AmdState, a_version_of_the_metrics_that_is_not_known_tells_nothing) {
  const AmdGpus amd("gpus 1\n");
  write_metrics(amd.sys, 1, 9, 36, {1, 2, 3, 4, 5});
  EXPECT_FALSE(amd.gpu()->throttled_by().has_value());
}

/// Two GPUs' nodes of the kernel's compute driver and a CPU's.
void write_kfd(const FakeTree& sys) {
  const std::string nodes = "class/kfd/kfd/topology/nodes/";
  sys.write(nodes + "0/gpu_id", "0\n");
  sys.write(nodes + "0/properties", "cpu_cores_count 64\nlocation_id 0\ndomain 0\n");
  sys.write(nodes + "1/gpu_id", "51140\n");
  sys.write(nodes + "1/properties", "simd_count 1216\nlocation_id 49408\ndomain 0\n");
  sys.write(nodes + "2/gpu_id", "7\n");
  sys.write(nodes + "2/properties", "simd_count 1216\nlocation_id 49664\ndomain 0\n");
  sys.write("class/kfd/kfd/proc/900/vram_51140", "4096\n");
  sys.write("class/kfd/kfd/proc/900/vram_7", "0\n");
  sys.write("class/kfd/kfd/proc/81/vram_51140", "8192\n");
  sys.write("class/kfd/kfd/proc/82/vram_7", "8192\n");
}

TEST(Kfd, names_the_processes_that_hold_memory_on_a_gpu) {
  const FakeTree sys;
  write_kfd(sys);
  EXPECT_THAT(kfd_processes(sys.root(), "0000:c1:00.0"), ElementsAre(81, 900));
  EXPECT_THAT(kfd_processes(sys.root(), "0000:c2:00.0"), ElementsAre(82));
  EXPECT_THAT(kfd_processes(sys.root(), "0000:c3:00.0"), IsEmpty());
}

TEST(AmdState, other_processes_are_reported_and_own_ones_are_not) {
  const AmdGpus amd("gpus 1\n");
  write_kfd(amd.sys);
  GpuStateMeter meter(amd.gpu(), {81});
  read(meter);
  const Json shared = data_of(meter, "gpu_shared");
  ASSERT_EQ(shared["processes"].size(), 1);
  EXPECT_EQ(shared["processes"][0]["pid"], 900);
}

TEST(GpuNumbers, amds_gpus_follow_nvidias) {
  const FakeNvml nvidia("gpus 2\ngpu 0 pid 5\n");
  const FakeAmdSmi amd("gpus 2\ngpu 0 name MI210\n");
  const FakeTree sys;
  write_kfd(sys);
  const std::vector<GpuDevice> gpus = measurable_gpus(sys.root());
  ASSERT_EQ(gpus.size(), 4);
  EXPECT_EQ(gpus[2].index, 2);
  EXPECT_EQ(gpus[2].name, "MI210");
  EXPECT_EQ(gpus[3].uuid, "a5ff-fake-1");
  EXPECT_THAT(gpus_of_processes({5, 82}, sys.root()), ElementsAre(0, 3));
}

class DiscoverAmd : public ::testing::Test {
 protected:
  DiscoverAmd() {
    proc.write("stat", "cpu  1 2 3 4 5 6 7 8 9 10\n");
    options.sys_root = sys.root();
    options.proc_root = proc.root();
  }
  /// Energy and power of GPUs: "meter/name".
  [[nodiscard]] std::vector<std::string> gpu_energy() const {
    std::vector<std::string> out;
    for (const auto& meter : discover_meters(options).meters) {
      for (const Domain& d : meter->discover().domains) {
        if (d.component == Component::kGpu && (d.unit == "J" || d.unit == "W")) {
          out.push_back(d.meter + "/" + d.name);
        }
      }
    }
    return out;
  }
  NoNvml no_nvidia;
  FakeTree sys;
  FakeTree proc;
  MeterOptions options;
};

TEST_F(DiscoverAmd, measures_exactly_the_gpus_that_the_run_uses) {
  const FakeAmdSmi fake("gpus 3\ngpu 0 period 0\ngpu 1 period 0\ngpu 2 period 0\n");
  options.gpu_indices = {1};
  EXPECT_THAT(gpu_energy(), UnorderedElementsAre("amdsmi/gpu1/energy", "amdsmi/gpu1/power"));
  options.gpu_indices = {7};
  const MeterSet set = discover_meters(options);
  ASSERT_FALSE(set.missing.empty());
  EXPECT_THAT(set.missing[0].reason, HasSubstr("GPU 7"));
}

TEST_F(DiscoverAmd, graphics_inside_a_cpu_are_part_of_the_cpu_and_not_measured_twice) {
  const FakeAmdSmi fake("gpu 0 name AMD Radeon 780M\ngpu 0 period 0\n");
  write_metrics(sys, 3, 0, 36, {});
  options.all_gpus = true;
  EXPECT_THAT(gpu_energy(), IsEmpty());
  for (const MissingComponent& missing : discover_meters(options).missing) {
    EXPECT_NE(missing.component, Component::kGpu) << missing.reason;
  }
  options.all_gpus = false;
  options.gpu_indices = {0};
  EXPECT_THAT(discover_meters(options).missing.at(0).reason, HasSubstr("part of the CPU"));
}

TEST_F(DiscoverAmd, an_accelerator_without_library_is_missing_with_the_package_to_install) {
  ::setenv("AIEB_AMDSMI_LIBRARY", "/nonexistent/libamd_smi.so", 1);
  sys.write("bus/pci/devices/0000:c1:00.0/vendor", "0x1002\n");
  sys.write("bus/pci/devices/0000:c1:00.0/class", "0x038000\n");
  options.all_gpus = true;
  const MissingComponent missing = discover_meters(options).missing.at(0);
  EXPECT_EQ(missing.component, Component::kGpu);
  EXPECT_THAT(missing.fix, HasSubstr("amd-smi-lib"));
  ::unsetenv("AIEB_AMDSMI_LIBRARY");
}

TEST_F(DiscoverAmd, a_library_that_does_not_answer_names_the_remedy) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"init_error 34\n", "sudo modprobe amdgpu"}, {"init_error 10\n", "render,video"}};
  sys.write("bus/pci/devices/0000:c1:00.0/vendor", "0x1002\n");
  sys.write("bus/pci/devices/0000:c1:00.0/class", "0x120000\n");
  options.all_gpus = true;
  for (const auto& [script, fix] : cases) {
    const FakeAmdSmi fake(script);
    EXPECT_THAT(discover_meters(options).missing.at(0).fix, HasSubstr(fix));
  }
}

}  // namespace
}  // namespace aieb
