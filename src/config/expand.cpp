#include "config/expand.h"

#include <cctype>
#include <cstdlib>

#include "core/error.h"

namespace aieb {
namespace {

constexpr std::string_view kHowTo = "write ${NAME} or ${NAME:-default}, or $${ for a literal ${";

constexpr int kDeepest = 16;  // of defaults within defaults

bool is_name_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Position of the brace that closes the expression beginning at `open` (the index of "${").
size_t closing_brace(std::string_view text, size_t open) {
  int depth = 1;
  for (size_t i = open + 2; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${" && ++depth > kDeepest) break;
    if (text[i] == '}' && --depth == 0) return i;
  }
  throw ConfigError("'" + std::string(text.substr(open, 40)) +
                    "' has no closing '}' (or nests too deep): " + std::string(kHowTo));
}

std::string value_of(std::string_view expression, const VariableLookup& lookup) {
  size_t end = 0;
  while (end < expression.size() && is_name_char(expression[end])) ++end;
  const std::string name(expression.substr(0, end));
  const std::string_view rest = expression.substr(end);
  const bool starts_with_digit = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0]));
  if (name.empty() || starts_with_digit || !(rest.empty() || rest.starts_with(":-"))) {
    throw ConfigError("'${" + std::string(expression) +
                      "}' is not a variable: " + std::string(kHowTo));
  }
  const std::optional<std::string> value = lookup(name);
  if (rest.empty()) {
    if (value) return *value;
    throw ConfigError("the environment variable '" + name +
                      "' is not set and has no default; set it, or write ${" + name + ":-default}");
  }
  if (value && !value->empty()) return *value;
  return expand_variables(rest.substr(2), lookup);
}

}  // namespace

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::string expand_variables(std::string_view text, const VariableLookup& lookup) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text.substr(i, 3) == "$${") {
      out += "${";
      i += 3;
    } else if (text.substr(i, 2) == "${") {
      const size_t close = closing_brace(text, i);
      out += value_of(text.substr(i + 2, close - i - 2), lookup);
      i = close + 1;
    } else {
      out += text[i++];
    }
  }
  return out;
}

bool has_variables(std::string_view text) { return text.find("${") != std::string_view::npos; }

}  // namespace aieb
