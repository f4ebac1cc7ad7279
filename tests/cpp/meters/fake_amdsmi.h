#pragma once

#include <string>

#include "meters/fake_driver.h"

namespace aieb::test {

/// Makes amdsmi be the fake of tests/fakes/amdsmi. Its GPUs are at the PCI places 0000:c1:00.0,
/// 0000:c2:00.0 …
class FakeAmdSmi : public FakeDriver {
 public:
  explicit FakeAmdSmi(const std::string& script)
      : FakeDriver({AIEB_FAKE_AMDSMI, "AIEB_AMDSMI_LIBRARY", "AIEB_FAKE_AMDSMI_SCRIPT",
                    "fake_amdsmi_set_time"},
                   script) {}
};

}  // namespace aieb::test
