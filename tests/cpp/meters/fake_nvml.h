#pragma once

#include <string>

#include <stdlib.h>

#include "meters/fake_driver.h"

namespace aieb::test {

/// Makes NVML be the fake of tests/fakes/nvml.
class FakeNvml : public FakeDriver {
 public:
  explicit FakeNvml(const std::string& script)
      : FakeDriver(
            {AIEB_FAKE_NVML, "AIEB_NVML_LIBRARY", "AIEB_FAKE_NVML_SCRIPT", "fake_nvml_set_time"},
            script) {}
};

/// A machine without NVML, whatever the real one has.
class NoNvml {
 public:
  NoNvml() { ::setenv("AIEB_NVML_LIBRARY", "/nonexistent/libnvidia-ml.so.1", 1); }
  ~NoNvml() { ::unsetenv("AIEB_NVML_LIBRARY"); }
  NoNvml(const NoNvml&) = delete;
  NoNvml& operator=(const NoNvml&) = delete;
};

}  // namespace aieb::test
