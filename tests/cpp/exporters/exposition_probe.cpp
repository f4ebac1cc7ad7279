// Parses pages for the tests. A request on stdin is a line "text BYTES" or "openmetrics BYTES" and
// the page; the answer is one line of JSON: {"samples": [[name, {label: value}, value, time]],
// "types": {}} or {"error": "…"}. Values are texts, since JSON has no NaN.
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "core/json.h"
#include "exporters/exposition.h"

using namespace aieb;
using namespace aieb::exporters;

namespace {

Json answer(const std::string& page, ExpositionFormat format) {
  try {
    const Exposition parsed = parse_exposition(page, format);
    Json samples = Json::array();
    for (const ExpositionSample& sample : parsed.samples) {
      Json labels = Json::object();
      for (const Label& label : sample.labels) labels[label.name] = label.value;
      samples.push_back({sample.name, labels, fmt::format("{:.17g}", sample.value),
                         sample.timestamp_s ? Json(*sample.timestamp_s) : Json(nullptr)});
    }
    return {{"samples", samples}, {"types", parsed.types}};
  } catch (const ExpositionError& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace

int main() {
  std::string format;
  size_t bytes = 0;
  while (std::cin >> format >> bytes) {
    std::cin.get();
    std::string page(bytes, '\0');
    std::cin.read(page.data(), static_cast<std::streamsize>(bytes));
    const Json json =
        answer(page, format == "text" ? ExpositionFormat::kText : ExpositionFormat::kOpenMetrics);
    std::cout << json.dump(-1, ' ', true, Json::error_handler_t::replace) << std::endl;
  }
}
