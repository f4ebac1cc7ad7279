// libaieb_pytorch_cuda.so: the one piece of the engine that must be linked against libtorch's CUDA
// half, kept apart so that the rest runs without it.
#include <memory>

#include <ATen/cuda/CUDAGraph.h>

#include "engine/decoder/step_graph.h"

namespace aieb::engine {
namespace {

/// Memory of the recordings that live at the same time: they are replayed one after the other,
/// never at once. libtorch gives up a pool with its last graph, so later ones need a new one.
std::shared_ptr<const c10::MempoolId_t> shared_pool() {
  static std::weak_ptr<const c10::MempoolId_t> current;
  auto pool = current.lock();
  if (!pool) {
    pool = std::make_shared<const c10::MempoolId_t>(at::cuda::graph_pool_handle());
    current = pool;
  }
  return pool;
}

class CudaStepGraph : public StepGraph {
 public:
  void capture(const std::function<void()>& body) override {
    // Thread-local: other threads of the process may allocate meanwhile.
    graph_.capture_begin(*pool_, cudaStreamCaptureModeThreadLocal);
    try {
      body();
    } catch (...) {
      end_failed_capture();
      throw;
    }
    graph_.capture_end();
  }

  void replay() override { graph_.replay(); }

 private:
  /// An invalid capture has to be ended all the same, or the stream stays unusable.
  void end_failed_capture() {
    try {
      graph_.capture_end();
    } catch (const c10::Error&) {  // says again what the caller is about to hear
      return;
    }
  }

  std::shared_ptr<const c10::MempoolId_t> pool_ = shared_pool();
  at::cuda::CUDAGraph graph_;
};

}  // namespace
}  // namespace aieb::engine

extern "C" __attribute__((visibility("default"))) aieb::engine::StepGraph* aieb_make_step_graph() {
  return new aieb::engine::CudaStepGraph();
}
