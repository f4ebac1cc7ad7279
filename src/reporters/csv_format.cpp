#include "reporters/csv_format.h"

namespace aieb {
namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string csv_cell(const Json& scalar) {
  if (scalar.is_null()) return "";
  if (scalar.is_string()) return quoted(scalar.get<std::string>());
  const std::string text = scalar.dump();
  return text == "null" ? "" : text;  // NaN and infinity
}

std::string csv_table(std::span<const Field> fields) {
  std::string header;
  std::string row;
  for (const Field& field : fields) {
    if (!header.empty()) {
      header += ',';
      row += ',';
    }
    header += quoted(field.name);
    row += csv_cell(field.value);
  }
  return header + "\n" + row + "\n";
}

}  // namespace aieb
