#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/placement/model_parts.h"

namespace aieb::engine {

std::string joined(const std::string& parent, const std::string& name);

/// Bytes of every module and tensor by its full name; what is tied to another one counts nothing.
class PartSizes {
 public:
  PartSizes(const ModelPart& model, const std::vector<TiedNames>& tied);

  [[nodiscard]] int64_t of(const std::string& name) const;
  [[nodiscard]] int64_t total() const { return of(""); }
  [[nodiscard]] int64_t largest_whole() const { return largest_whole_; }
  /// The most that one module holds itself, the model's own tensors aside.
  [[nodiscard]] int64_t largest_own() const { return largest_own_; }

 private:
  int64_t measure(const ModelPart& part, const std::string& name);

  std::map<std::string, int64_t> bytes_;
  int64_t largest_whole_ = 0;
  int64_t largest_own_ = 0;
};

}  // namespace aieb::engine
