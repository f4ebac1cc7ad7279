#include "engine/decoder/weights.h"

#include <array>
#include <map>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
#include "engine/decoder/layer_loader.h"
#include "engine/decoder/tensor_source.h"
#include "engine/decoder/weight_moves.h"
#include "engine/spec/config_reader.h"

namespace aieb::engine {
namespace {

constexpr int64_t kAny = MatrixLoader::kAny;

class Loader {
 public:
  Loader(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
         const DevicePlan& plan, const std::optional<Quantisation>& quantisation)
      : checkpoint_(checkpoint),
        source_(checkpoint, *spec.names),
        spec_(spec),
        dtype_(dtype),
        plan_(plan),
        quantisation_(quantisation) {}

  Weights load() {
    Weights weights;
    weights.dtype = dtype_;
    weights.plan = plan_;
    load_ends(weights);
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      const Site site = plan_.layer(i);
      LayerWeights layer = at(site).load(i);
      // What stays on disk is read and checked once; its shapes remain.
      if (site.keep == Keep::kOnDisk) layer = brought(layer, at::kMeta);
      weights.layers.push_back(std::move(layer));
    }
    source_.check();
    copies_.run();
    weights.unused = source_.unused();
    for (const auto& [place, loader] : loaders_) {
      weights.parameters += loader.parameters();
      weights.bytes += loader.bytes();
      weights.bytes_by_place[place] = loader.bytes();
    }
    weights.read_layer = layer_reader();
    return weights;
  }

 private:
  /// The loader of a place. Tensors that stay on disk are not copied.
  LayerLoader& at(const Site& site) {
    const bool on_disk = site.keep == Keep::kOnDisk;
    const LoadSettings settings{dtype_, plan_.home_of(site), quantisation_, on_disk};
    return loaders_.try_emplace(plan_.place_of(site), source_, spec_, settings, copies_)
        .first->second;
  }

  void load_ends(Weights& weights) {
    const std::string embedding = *source_.end_module(Slot::kEmbedding) + ".weight";
    const Site site = plan_.end(Slot::kEmbedding);
    weights.embedding = table(embedding, {spec_.vocabulary, kAny}, site);
    if (const auto positions = source_.end_module(Slot::kPositions)) {
      weights.positions = table(*positions + ".weight", {kAny, kAny}, plan_.end(Slot::kPositions));
    }
    weights.embedding_norm = norm(Slot::kEmbeddingNorm);
    weights.final_norm = norm(Slot::kFinalNorm);
    if (const auto module = source_.end_module(Slot::kProjectIn)) {
      weights.project_in =
          at(plan_.end(Slot::kProjectIn)).plain().linear({{*module, spec_.hidden, {}}}, kAny, true);
      weights.project_out =
          at(plan_.end(Slot::kProjectOut))
              .plain()
              .linear({{*source_.end_module(Slot::kProjectOut), kAny, {}}}, spec_.hidden, true);
    }
    load_head(weights, embedding);
  }

  void load_head(Weights& weights, const std::string& embedding) {
    const std::string head = *source_.end_module(Slot::kHead);
    const Site site = plan_.end(Slot::kHead);
    MatrixLoader& loader = at(site).plain();
    if (!spec_.tied_head && site.keep != Keep::kOnDisk) {
      weights.head = loader.linear({{head, spec_.vocabulary, {}}}, kAny);
      return;
    }
    if (!spec_.tied_head) {
      weights.head.weight = table(head + ".weight", {spec_.vocabulary, kAny}, site);
    } else {
      source_.skip(head + ".weight");
      // A map may part what is tied: then each device has its own.
      weights.head.weight = plan_.place_of(site) == plan_.place_of(plan_.end(Slot::kEmbedding))
                                ? weights.embedding
                                : table(embedding, {spec_.vocabulary, kAny}, site);
    }
    weights.head.bias = loader.finish(source_.take_if_present(head + ".bias"));
  }

  /// A matrix of the ends. On disk it stays as it is stored, whatever its type.
  at::Tensor table(const std::string& name, std::vector<int64_t> shape, const Site& site) {
    MatrixLoader& loader = at(site).plain();
    const at::Tensor stored = loader.checked(name, source_.take(name), std::move(shape));
    return site.keep == Keep::kOnDisk ? loader.leave(stored) : loader.finish(stored);
  }

  /// Norms lie where they run: they are as small as what they are applied to.
  std::optional<Norm> norm(Slot slot) {
    const Site site{plan_.end(slot).lane, Keep::kOnLane};
    return at(site).plain().norm(source_.end_module(slot), spec_.norm, spec_.hidden,
                                 source_.is_optional(slot));
  }

  [[nodiscard]] LayerReader layer_reader() const {
    return [&checkpoint = checkpoint_, spec = spec_, dtype = dtype_](size_t i, at::Device device) {
      TensorSource source(checkpoint, *spec.names);
      TensorCopies none;
      return LayerLoader(source, spec, {dtype, device, std::nullopt, true}, none).load(i);
    };
  }

  const Checkpoint& checkpoint_;
  TensorSource source_;
  const ModelSpec& spec_;
  at::ScalarType dtype_;
  const DevicePlan& plan_;
  const std::optional<Quantisation>& quantisation_;
  TensorCopies copies_;
  std::map<Place, LayerLoader> loaders_;
};

struct DtypeName {
  const char* name;
  at::ScalarType type;
};
constexpr std::array kDtypes = {DtypeName{"float32", at::kFloat},
                                DtypeName{"bfloat16", at::kBFloat16},
                                DtypeName{"float16", at::kHalf}};

}  // namespace

at::ScalarType natural_dtype(const Checkpoint& checkpoint) {
  const ConfigReader config(checkpoint.config(), checkpoint.path());
  for (const char* key : {"dtype", "torch_dtype"}) {
    auto name = config.get<std::string>(key, "");
    if (name.empty()) continue;
    if (name.starts_with("torch.")) name.erase(0, 6);
    for (const auto& entry : kDtypes) {
      if (name == entry.name) return entry.type;
    }
    throw ModelError(checkpoint.path() + ": config key '" + key + "': the type '" + name +
                     "' is not supported; set backend.torch_dtype to float32, bfloat16 or float16");
  }
  for (const auto& name : checkpoint.names()) {
    const auto type = checkpoint.info(name).dtype;
    if (type == at::kFloat || type == at::kBFloat16 || type == at::kHalf) return type;
  }
  return at::kFloat;
}

Weights load_weights(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
                     const DevicePlan& plan, const std::optional<Quantisation>& quantisation) {
  return Loader(checkpoint, spec, dtype, plan, quantisation).load();
}

}  // namespace aieb::engine
