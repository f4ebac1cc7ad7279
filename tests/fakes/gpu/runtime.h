#pragma once

#include <string>

#include "fakes/gpu/script.h"

namespace fake_gpu {

/// The script that a fake library follows and its clock. Time 0 is the library's initialisation; a
/// test may set the time itself.
class Runtime {
 public:
  /// Reads the script that the environment variable names, unless the library is in use already;
  /// what is wrong in it ends the program. Returns the script's init_code: 0 counts a user.
  int start(const char* variable);
  void stop();
  void set_time(double seconds);

  [[nodiscard]] double now_s() const;
  [[nodiscard]] Script& script() { return script_; }

  /// Blocks for the call's cost, then returns its fault (0: none).
  int enter(const Gpu& gpu, const char* call) const;

 private:
  Script script_;
  int users_ = 0;
  double started_s_ = 0;
};

}  // namespace fake_gpu
