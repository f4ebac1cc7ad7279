#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"

namespace aieb {

struct Prompt {
  int64_t row = 0;  ///< 0-based, in the order of the dataset's files, empty rows left out
  std::string text;
  /// Of a conversation: an optional system message, then what the user says turn by turn; what the
  /// assistant says in the dataset is left out. Empty for a single prompt.
  std::vector<Message> messages;
};

/// The prompts of one column, in memory.
class Dataset {
 public:
  Dataset(std::string name, std::vector<std::string> texts, int64_t empty_rows,
          std::vector<std::vector<Message>> conversations = {})
      : name_(std::move(name)),
        texts_(std::move(texts)),
        conversations_(std::move(conversations)),
        empty_rows_(empty_rows) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(texts_.size()); }
  /// Rows without a prompt, which were left out.
  [[nodiscard]] int64_t empty_rows() const { return empty_rows_; }

  /// `n` prompts, or all if there are fewer. Seed 0: the first n in file order. Any other seed: a
  /// sample without repetition, the same on every platform, whose first k prompts do not depend
  /// on n.
  [[nodiscard]] std::vector<Prompt> prompts(int64_t n, uint64_t seed) const;

 private:
  std::string name_;
  std::vector<std::string> texts_;
  std::vector<std::vector<Message>> conversations_;  ///< parallel to texts, or empty
  int64_t empty_rows_;
};

/// Opens what `scenario.dataset_name` names: `quickstart` or `bundled:quickstart`, a local file or
/// folder, or a Hugging Face id. Throws DataError if it cannot be found or read, has no column
/// `text_column_name`, or has no prompts. A column of json or jsonl may hold conversations instead
/// of texts: lists of {role, content}, of {from, value} (ShareGPT) or of the user's texts.
std::unique_ptr<Dataset> open_dataset(const ScenarioConfig& scenario);

}  // namespace aieb
