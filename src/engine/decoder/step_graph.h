#pragma once

#include <functional>
#include <memory>

namespace aieb::engine {

/// A recording of device work that is launched as a whole. Not thread-safe.
class StepGraph {
 public:
  virtual ~StepGraph() = default;

  /// Records what `body` launches on the current stream (not the default one), without running it.
  /// The memory that `body` allocates stays reserved for replays. `body` must not wait for the
  /// device, and must have run once before on this stream, so that libraries have set themselves
  /// up. Throws c10::Error when something in `body` cannot be recorded.
  virtual void capture(const std::function<void()>& body) = 0;

  /// Launches the recording on the current stream.
  virtual void replay() = 0;
};

/// Makes empty graphs for a device; empty where it has none.
using StepGraphMaker = std::function<std::unique_ptr<StepGraph>()>;

}  // namespace aieb::engine
