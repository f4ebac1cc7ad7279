#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "engine/placement/memory.h"

namespace aieb::engine {

/// A way to hold the same model in fewer bytes.
struct SmallerWeights {
  std::string setting;     ///< e.g. "backend.load_in_8bit: true"
  double share = 1;        ///< of the bytes of the weights as they are
  bool quantised = false;  ///< by load_in_8bit or load_in_4bit; else a smaller type
};

/// What does not fit on one place, and what is known about ways out.
struct Shortage {
  Place place;
  int64_t weights = 0;    ///< bytes of the weights there
  bool loaded = false;    ///< the weights lie there already; else they are among what is needed
  int64_t staging = 0;    ///< bytes for the largest offloaded part that runs there
  int64_t cache = 0;      ///< bytes of keys and values of all sequences
  int64_t batch = 0;      ///< sequences of the cache
  int64_t positions = 0;  ///< of each sequence
  int64_t free = 0;       ///< bytes
  std::vector<SmallerWeights> smaller;
  PlaceLimits elsewhere;  ///< free bytes on other places that the model may use
  int64_t parameters = 0;
  std::string detail;  ///< the allocator's own words, or empty

  /// Bytes that must be free.
  [[nodiscard]] int64_t needed() const { return (loaded ? 0 : weights) + staging + cache; }
};

/// "13.5 GiB"
std::string memory_text(int64_t bytes);

/// What was needed where, what is free, and which remedies would do, with their numbers: a smaller
/// batch or answer, quantisation, more devices, a smaller type or model. Pure arithmetic.
std::string shortage_text(const Shortage& shortage);

/// The machine's memory is too small for what was asked.
class OutOfMemory : public EnvironmentError {
 public:
  explicit OutOfMemory(Shortage shortage)
      : EnvironmentError(shortage_text(shortage)), shortage_(std::move(shortage)) {}
  [[nodiscard]] const Shortage& shortage() const { return shortage_; }

 private:
  Shortage shortage_;
};

}  // namespace aieb::engine
