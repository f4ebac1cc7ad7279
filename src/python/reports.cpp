#include <string>

#include <nanobind/stl/string.h>

#include "analysis/analyze.h"
#include "core/error.h"
#include "core/log.h"
#include "python/bindings.h"
#include "python/json.h"
#include "reporters/file_output.h"
#include "reporters/reporter.h"
#include "reporters/results_json.h"
#include "reporters/terminal.h"
#include "reporters/write.h"
#include "trace/reader.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

nb::object analyze_trace(const std::string& path) {
  Json out;
  {
    const nb::gil_scoped_release release;
    Results results = analyze(read_trace(path));
    results.files["trace"] = path;
    out = results_to_json(results);
  }
  return to_python(out);
}

nb::bytes serialize(const nb::dict& document, const std::string& format) {
  const Results results = results_from_json(json_from(document));
  const std::string bytes = find_reporter(format).serialize(results);
  return nb::bytes(bytes.data(), bytes.size());
}

nb::object terminal_text(const nb::dict& document) {
  return to_python(terminal_report(results_from_json(json_from(document)), {}));
}

void append_csv(const std::string& path, const std::string& table) {
  const nb::gil_scoped_release release;
  if (const auto backup = append_rows(path, table)) {
    log::warning(path + " had other columns; it is kept as " + *backup);
  }
}

}  // namespace

void bind_reports(nb::module_& module) {
  module.def("analyze_trace", analyze_trace, nb::arg("path"),
             "The results document of a stored trace.");
  module.def("serialize", serialize, nb::arg("document"), nb::arg("format"),
             "A results document in another format, as bytes.");
  module.def("terminal_text", terminal_text, nb::arg("document"),
             "The table that `aieb run` prints.");
  module.def("append_csv", append_csv, nb::arg("path"), nb::arg("table"),
             "Appends a header line and rows to a CSV file of many runs, under a lock.");
  module.def("require_writable", &require_writable, nb::arg("path"),
             "Raises SetupError when no file could be made there.");
}

}  // namespace aieb::python
