#pragma once

#include <string>

#include <dlfcn.h>
#include <stdlib.h>

#include "meters/fake_tree.h"

namespace aieb::test {

/// Makes NVML be the fake of tests/fakes/nvml, driven by `script`, while it lives.
class FakeNvml {
 public:
  explicit FakeNvml(const std::string& script) {
    folder_.write("script", script);
    ::setenv("AIEB_NVML_LIBRARY", AIEB_FAKE_NVML, 1);
    ::setenv("AIEB_FAKE_NVML_SCRIPT", folder_.path("script").c_str(), 1);
    library_ = ::dlopen(AIEB_FAKE_NVML, RTLD_NOW | RTLD_LOCAL);
    set_time_ = reinterpret_cast<void (*)(double)>(::dlsym(library_, "fake_nvml_set_time"));
    set_time_(-1);
  }
  ~FakeNvml() {
    ::dlclose(library_);
    ::unsetenv("AIEB_NVML_LIBRARY");
    ::unsetenv("AIEB_FAKE_NVML_SCRIPT");
  }
  FakeNvml(const FakeNvml&) = delete;
  FakeNvml& operator=(const FakeNvml&) = delete;

  /// Stops the script's clock at a time; a negative one lets it follow the real clock again.
  void set_time(double seconds) const { set_time_(seconds); }

 private:
  FakeTree folder_;
  void* library_ = nullptr;
  void (*set_time_)(double) = nullptr;
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
