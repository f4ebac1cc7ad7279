#pragma once

#include <vector>

namespace aieb::engine::cpu {

/// Instruction sets that the kernels are compiled for, in rising order of preference.
enum class Isa {
  kPortable,  ///< 128-bit vectors of the compiler: SSE2 on x86-64, NEON on arm64
  kAvx2,      ///< AVX2 with FMA and F16C
  kAvx512,    ///< AVX-512 F, BW, DQ, VL
};

const char* to_string(Isa isa);

/// Those this processor and operating system can run, rising; the first is kPortable.
const std::vector<Isa>& supported_isas();

/// The one in use: the best supported, unless a test forces another.
Isa active_isa();

/// Test hook: while it lives, every kernel of the process runs on `isa`, which must be supported.
/// Not to be used while kernels run on other threads.
class ForcedIsa {
 public:
  explicit ForcedIsa(Isa isa);
  ~ForcedIsa();
  ForcedIsa(const ForcedIsa&) = delete;
  ForcedIsa& operator=(const ForcedIsa&) = delete;

 private:
  Isa previous_;
};

}  // namespace aieb::engine::cpu
