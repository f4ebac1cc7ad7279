#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aieb {

/// What a mock server sends, rendered once. Events are as long as vLLM's with continuous usage.
class MockPages {
 public:
  explicit MockPages(std::string model);

  /// The event of the token with this index; the last one brings usage, [DONE] and the end.
  const std::string& token(int index, bool last);

  std::string models;
  std::string role;  ///< head of a response and the event that names the role
  std::string health;
  std::string missing;

 private:
  [[nodiscard]] std::string chunk(const std::string& choice, int tokens) const;
  [[nodiscard]] std::string render(int index, std::string_view reason) const;
  [[nodiscard]] std::string render_last(int index) const;

  std::string model_;
  std::vector<std::string> plain_;
  std::vector<std::string> last_;
};

}  // namespace aieb
