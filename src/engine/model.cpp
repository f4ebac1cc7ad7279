#include "engine/model.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "engine/kernels/aten_ops.h"
#include "engine/kernels/cpu_ops.h"
#include "engine/spec/families.h"

namespace aieb::engine {

Model load_model(const std::string& path, const ModelOptions& options) {
  // cuDNN's attention compiles a plan for every new length of a prompt: on an H100 that makes a
  // first token wait 74 ms instead of 9.
  if (options.device.is_cuda()) at::globalContext().setSDPUseCuDNN(false);
  Model model;
  model.checkpoint = open_checkpoint(path);
  ModelSpec spec = read_spec(model.checkpoint->config(), path);
  const auto dtype = options.dtype.value_or(natural_dtype(*model.checkpoint));
  Weights weights = load_weights(*model.checkpoint, spec, dtype, options.device);
  std::unique_ptr<Ops> step_ops;
  if (options.own_kernels && CpuOps::supports(spec, dtype, options.device)) {
    step_ops = std::make_unique<CpuOps>(at::get_num_threads());
  }
  model.decoder = std::make_unique<Decoder>(std::move(spec), std::move(weights),
                                            std::make_unique<AtenOps>(), std::move(step_ops));
  return model;
}

}  // namespace aieb::engine
