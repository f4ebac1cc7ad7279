#include "engine/placement/part_sizes.h"

#include <algorithm>

namespace aieb::engine {

std::string joined(const std::string& parent, const std::string& name) {
  return parent.empty() ? name : parent + "." + name;
}

PartSizes::PartSizes(const ModelPart& model, const std::vector<TiedNames>& tied) {
  for (const TiedNames& group : tied) {
    for (size_t i = 0; i + 1 < group.size(); ++i) bytes_[group[i]] = 0;
  }
  measure(model, "");
}

int64_t PartSizes::of(const std::string& name) const {
  const auto found = bytes_.find(name);
  return found == bytes_.end() ? 0 : found->second;
}

int64_t PartSizes::measure(const ModelPart& part, const std::string& name) {
  int64_t own = 0;
  for (const PartTensor& tensor : part.tensors) {
    // What is known already is tied.
    const auto [entry, is_new] = bytes_.emplace(joined(name, tensor.name), tensor.bytes);
    if (is_new) own += entry->second;
  }
  int64_t all = own;
  for (const ModelPart& child : part.children) all += measure(child, joined(name, child.name));
  bytes_[name] = all;
  if (part.whole) largest_whole_ = std::max(largest_whole_, all);
  if (!name.empty()) largest_own_ = std::max(largest_own_, own);
  return all;
}

}  // namespace aieb::engine
