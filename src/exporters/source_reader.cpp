#include "exporters/source_reader.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace aieb::exporters {
namespace {

std::string value_of(const std::vector<Label>& labels, std::string_view name) {
  const auto it = std::find_if(labels.begin(), labels.end(),
                               [&](const Label& label) { return label.name == name; });
  return it == labels.end() ? std::string() : it->value;
}

/// The first of several spellings that is there.
std::string first_of(const std::vector<Label>& labels,
                     std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    std::string value = value_of(labels, name);
    if (!value.empty()) return value;
  }
  return {};
}

std::string key_of(const Rule& rule, const std::vector<Label>& labels) {
  std::string key;
  if (rule.device_labels.empty()) {
    std::vector<std::string> parts;
    for (const Label& label : labels) {
      if (label.name != "__name__") parts.push_back(label.name + "=" + label.value);
    }
    std::sort(parts.begin(), parts.end());
    for (const std::string& part : parts) key += part + "\n";
    return key;
  }
  for (const std::string& name : rule.device_labels) key += value_of(labels, name) + "\n";
  return key;
}

}  // namespace

bool matches(const std::vector<Label>& where, const std::vector<Label>& labels) {
  return std::all_of(where.begin(), where.end(), [&](const Label& wanted) {
    return value_of(labels, wanted.name) == wanted.value;
  });
}

Device device_of(const Rule& rule, const std::vector<Label>& labels) {
  Device device;
  device.uuid = first_of(labels, {"UUID", "uuid", "gpu_uuid"});
  device.gpu = first_of(labels, {"gpu", "GPU", "gpu_id", "minor_number"});
  device.model = first_of(labels, {"modelName", "model", "gpu_model"});
  device.host = first_of(labels, {"Hostname", "node_name", "node", "instance"});
  device.key = key_of(rule, labels);
  // Without its distinguishing labels (an old exporter) a device is told by what there is.
  const bool nothing = device.key.find_first_not_of('\n') == std::string::npos;
  if (nothing) device.key = device.host + "\n" + device.gpu;
  return device;
}

std::unique_ptr<SourceReader> make_reader(const SourceSpec& spec) {
  switch (spec.type) {
    case SourceType::kDcgm:
    case SourceType::kPrometheusText:
      return make_text_reader(spec);
    case SourceType::kPrometheus:
      return make_query_reader(spec);
    case SourceType::kTensorRtLlm:
      return make_tensorrt_llm_reader();
    case SourceType::kZeus:
      return make_zeus_reader();
  }
  return nullptr;
}

}  // namespace aieb::exporters
