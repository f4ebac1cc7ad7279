#include "engine/model.h"

#include <algorithm>
#include <string_view>

#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include "engine/kernels/aten_ops.h"
#include "engine/kernels/cpu_ops.h"
#include "engine/spec/families.h"

namespace aieb::engine {

namespace {

/// A multimodal configuration may tie the head outside of its text part, which then does not say
/// so. Believed where the files have no head.
bool ties_outside(const Checkpoint& checkpoint, const ModelSpec& spec) {
  const Json& config = checkpoint.config();
  return config.contains("text_config") && config.value("tie_word_embeddings", false) &&
         std::ranges::none_of(spec.names->heads, [&checkpoint](std::string_view head) {
           return checkpoint.contains(std::string(head) + ".weight");
         });
}

}  // namespace

Model load_model(const std::string& path, const ModelOptions& options) {
  // cuDNN's attention compiles a plan for every new length of a prompt: on an H100 that makes a
  // first token wait 74 ms instead of 9.
  if (options.device.is_cuda()) at::globalContext().setSDPUseCuDNN(false);
  Model model;
  model.checkpoint = open_checkpoint(path);
  ModelSpec spec = read_spec(model.checkpoint->config(), path);
  spec.tied_head = spec.tied_head || ties_outside(*model.checkpoint, spec);
  const auto dtype = options.dtype.value_or(natural_dtype(*model.checkpoint));
  Weights weights =
      load_weights(*model.checkpoint, spec, dtype, options.device, options.quantisation);
  std::unique_ptr<Ops> step_ops;
  if (options.own_kernels && CpuOps::supports(spec, dtype, options.device)) {
    step_ops = std::make_unique<CpuOps>(at::get_num_threads());
  }
  model.decoder = std::make_unique<Decoder>(std::move(spec), std::move(weights),
                                            std::make_unique<AtenOps>(), std::move(step_ops));
  return model;
}

}  // namespace aieb::engine
