#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "meters/driver_calls.h"

namespace aieb {

/// The few types of AMD's System Management Interface that are used here, declared after its public
/// API documentation (rocm.docs.amd.com/projects/amdsmi), so that no header of it is needed.
///
/// Its structures changed between releases, in order and size. Only functions with plain arguments
/// and the leading, never moved fields of structures are used; a structure is read into a zeroed
/// buffer that is larger than any release's. The exception is the power, whose place depends on the
/// library's major version.
namespace amdsmi {

using Handle = void*;

enum Status : int {
  kSuccess = 0,
  kNotSupported = 2,
  kNoPermission = 10,
  kNotFound = 31,
  kDriverNotLoaded = 34,
  kNoData = 40,
};

enum ProcessorType : int { kAmdGpu = 1 };
enum Sensor : int { kEdge = 0, kHotspot = 1, kVram = 2 };
enum Clock : int { kGraphics = 0, kMemory = 4 };

struct Energy {
  uint64_t counts = 0;
  float microjoules_per_count = 0;
};

/// Of the socket, in whole watts. Instinct MI300 and newer have a current one, others an average
/// over a time that AMD does not state.
struct Power {
  std::optional<double> current_w;
  std::optional<double> average_w;
};

struct Utilization {
  std::optional<double> graphics_percent;
  std::optional<double> memory_percent;
};

}  // namespace amdsmi

template <typename T>
using AmdResult = DriverResult<T>;

/// The library, loaded with dlopen and initialised for GPUs; shut down with the last user.
/// Thread-safe, as amdsmi is. A function that this release lacks returns kNotSupported.
class AmdSmi {
 public:
  /// Why the library could not be used.
  struct Failure {
    bool found = false;  ///< the library exists
    int code = amdsmi::kSuccess;
    std::string message;
  };

  /// Loads $AIEB_AMDSMI_LIBRARY if that is set, else libamd_smi.so of the search path or of
  /// /opt/rocm. Null with `failure` filled when there is none or it does not initialise.
  static std::shared_ptr<AmdSmi> open(Failure& failure);
  ~AmdSmi();
  AmdSmi(const AmdSmi&) = delete;
  AmdSmi& operator=(const AmdSmi&) = delete;

  /// "26.5.0": major, minor, release (before 25: year, major, minor).
  [[nodiscard]] std::string version() const;
  /// Every AMD GPU in the library's order.
  [[nodiscard]] std::vector<amdsmi::Handle> gpus() const;

  [[nodiscard]] AmdResult<std::string> name(amdsmi::Handle gpu) const;
  [[nodiscard]] AmdResult<std::string> uuid(amdsmi::Handle gpu) const;
  /// As Linux writes it in /sys/bus/pci/devices: "0000:c1:00.0".
  [[nodiscard]] AmdResult<std::string> pci_bus_id(amdsmi::Handle gpu) const;
  [[nodiscard]] AmdResult<amdsmi::Energy> energy(amdsmi::Handle gpu) const;
  [[nodiscard]] AmdResult<amdsmi::Power> power(amdsmi::Handle gpu) const;
  [[nodiscard]] AmdResult<double> power_limit_w(amdsmi::Handle gpu) const;
  [[nodiscard]] AmdResult<double> temperature_c(amdsmi::Handle gpu, amdsmi::Sensor sensor) const;
  [[nodiscard]] AmdResult<double> clock_mhz(amdsmi::Handle gpu, amdsmi::Clock clock) const;
  [[nodiscard]] AmdResult<amdsmi::Utilization> utilization(amdsmi::Handle gpu) const;
  [[nodiscard]] AmdResult<double> memory_total_b(amdsmi::Handle gpu) const;
  [[nodiscard]] AmdResult<double> memory_used_b(amdsmi::Handle gpu) const;
  /// "SPX": one GPU; "DPX", "CPX" …: divided into several.
  [[nodiscard]] AmdResult<std::string> partition(amdsmi::Handle gpu) const;

  /// The library's own text for a status.
  [[nodiscard]] std::string error_text(int code) const;

 private:
  struct Functions;
  AmdSmi(void* library, std::unique_ptr<Functions> functions);
  void* library_;
  std::unique_ptr<Functions> functions_;
  uint32_t version_[4] = {};
};

}  // namespace aieb
