#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace aieb::exporters {

struct Label {
  std::string name;
  std::string value;
};

/// One line with a value. Of a histogram or summary every line is one: name_bucket, name_sum, …
struct ExpositionSample {
  std::string name;
  std::vector<Label> labels;          ///< as written, without the name
  double value = 0;                   ///< may be NaN or infinite
  std::optional<double> timestamp_s;  ///< since 1970, by the exporter's clock

  /// The value of a label; nullptr without it.
  [[nodiscard]] const std::string* label(std::string_view name) const;
};

struct Exposition {
  std::vector<ExpositionSample> samples;     ///< as they stand
  std::map<std::string, std::string> types;  ///< family → counter, gauge, histogram, …
};

enum class ExpositionFormat {
  kText,         ///< Prometheus text 0.0.4 and 1.0.0; timestamps in ms
  kOpenMetrics,  ///< OpenMetrics 1.0; timestamps in s, exemplars, ends with # EOF
};

/// By the Content-Type of a response: OpenMetrics when it says so, else text.
ExpositionFormat exposition_format(std::string_view content_type);

/// A page that is not in the format. The message has the line's number and text.
class ExpositionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Parses a whole page. Strict: one wrong line makes the page wrong, because a page that is cut off
/// or mixed up must not look like a smaller one. Escapes in label values are \\, \" and \n; names
/// may stand in quotes inside the braces (Prometheus 3). Throws ExpositionError.
Exposition parse_exposition(std::string_view page, ExpositionFormat format);

}  // namespace aieb::exporters
