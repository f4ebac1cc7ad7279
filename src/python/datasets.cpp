#include <memory>

#include "config/parser.h"
#include "datasets/dataset.h"
#include "python/bindings.h"
#include "python/json.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

/// {name, size, empty_rows, prompts} of the dataset that a configuration names.
nb::object read_dataset(const nb::dict& config_dict) {
  const BenchmarkConfig config = config_from_json(json_from(config_dict));
  Json out;
  {
    const nb::gil_scoped_release release;
    const std::unique_ptr<Dataset> dataset = open_dataset(config.scenario);
    out = {{"name", dataset->name()},
           {"size", dataset->size()},
           {"empty_rows", dataset->empty_rows()},
           {"prompts", Json::array()}};
    for (Prompt& prompt : dataset->prompts(config.scenario.num_samples, config.scenario.seed)) {
      out["prompts"].push_back(std::move(prompt.text));
    }
  }
  return to_python(out);
}

}  // namespace

void bind_datasets(nb::module_& module) {
  module.def("read_dataset", read_dataset, nb::arg("config"),
             "The prompts that scenario.dataset_name, num_samples and seed choose.");
}

}  // namespace aieb::python
