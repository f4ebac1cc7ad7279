#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace aieb::testing {

/// A checkpoint folder with a random two-layer Llama of 32 words ("w3" … "w31", eos 2, unknown 1)
/// and a context of 32 tokens; removed again by the destructor.
class TinyModel {
 public:
  explicit TinyModel(uint32_t seed);
  TinyModel(const TinyModel&) = delete;
  TinyModel& operator=(const TinyModel&) = delete;
  ~TinyModel();

  [[nodiscard]] std::string path() const { return folder_.string(); }

  /// Adds a template that writes each message as "w3 <content> w4 ".
  void add_chat_template() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace aieb::testing
