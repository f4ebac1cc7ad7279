#include "core/csv.h"

#include <utility>

namespace aieb {

std::vector<std::vector<std::string>> parse_csv(std::string_view text) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row;
  std::string field;
  bool quoted = false;
  const auto end_row = [&] {
    if (!row.empty() || !field.empty()) {
      row.push_back(std::exchange(field, {}));
      rows.push_back(std::exchange(row, {}));
    }
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool quote = c == '"';
    if (quoted && quote && i + 1 < text.size() && text[i + 1] == '"') {
      field += text[++i];
    } else if (quote) {
      quoted = !quoted;
    } else if (quoted) {
      field += c;
    } else if (c == ',') {
      row.push_back(std::exchange(field, {}));
    } else if (c == '\n') {
      end_row();
    } else if (c != '\r') {
      field += c;
    }
  }
  end_row();
  return rows;
}

}  // namespace aieb
