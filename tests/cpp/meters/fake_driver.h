#pragma once

#include <string>

#include <dlfcn.h>
#include <stdlib.h>

#include "meters/fake_tree.h"

namespace aieb::test {

/// How a scripted driver library of tests/fakes is found.
struct FakeLibrary {
  const char* path;
  const char* library_variable;
  const char* script_variable;
  const char* set_time;  ///< name of its function
};

/// Makes the driver be a fake, driven by `script`, while it lives.
class FakeDriver {
 public:
  FakeDriver(const FakeLibrary& library, const std::string& script) : library_(library) {
    folder_.write("script", script);
    ::setenv(library.library_variable, library.path, 1);
    ::setenv(library.script_variable, folder_.path("script").c_str(), 1);
    handle_ = ::dlopen(library.path, RTLD_NOW | RTLD_LOCAL);
    set_time_ = reinterpret_cast<void (*)(double)>(::dlsym(handle_, library.set_time));
    set_time_(-1);
  }
  ~FakeDriver() {
    ::dlclose(handle_);
    ::unsetenv(library_.library_variable);
    ::unsetenv(library_.script_variable);
  }
  FakeDriver(const FakeDriver&) = delete;
  FakeDriver& operator=(const FakeDriver&) = delete;

  /// Stops the script's clock at a time; a negative one lets it follow the real clock again.
  void set_time(double seconds) const { set_time_(seconds); }

 private:
  FakeLibrary library_;
  FakeTree folder_;
  void* handle_ = nullptr;
  void (*set_time_)(double) = nullptr;
};

}  // namespace aieb::test
