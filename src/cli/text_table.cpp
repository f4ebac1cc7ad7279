#include "cli/text_table.h"

#include <algorithm>

#include "reporters/text_format.h"

namespace aieb::cli {

std::string TextTable::text() const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row.at(i)));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    for (size_t i = 0; i + 1 < widths.size(); ++i) out += padded(row[i], widths[i]) + "  ";
    out += row.back() + "\n";
  }
  return out;
}

}  // namespace aieb::cli
