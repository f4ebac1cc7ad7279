#include <string>
#include <vector>

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "backends/registry.h"
#include "config/option_table.h"
#include "config/parser.h"
#include "config/without_effect.h"
#include "python/bindings.h"
#include "python/json.h"
#include "reporters/reporter.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

nb::tuple load(const std::string& path, const std::vector<std::string>& overrides,
               bool apply_environment, bool strict) {
  LoadedConfig loaded;
  {
    const nb::gil_scoped_release release;
    loaded = load_config({path, overrides, apply_environment, strict});
  }
  return nb::make_tuple(to_python(to_json(loaded.config)), to_python(loaded.warnings));
}

/// The configuration with every value checked, typed and completed.
nb::object check(const nb::dict& config) {
  return to_python(to_json(config_from_json(json_from(config))));
}

nb::list options() {
  static constexpr std::array kTypes = {"text",         "integer",      "number",     "boolean",
                                        "auto_boolean", "integer_list", "text_list",  "text_map",
                                        "map",          "list",         "map_or_text"};
  nb::list out;
  for (const ConfigOption& option : option_table()) {
    nb::dict row;
    row["key"] = option.key;
    row["type"] = kTypes.at(static_cast<size_t>(option.type));
    row["default"] = to_python(default_of(option));
    row["unit"] = option.unit;
    row["description"] = option.description;
    out.append(row);
  }
  return out;
}

std::vector<std::string> reporter_names() {
  std::vector<std::string> names;
  for (const Reporter& reporter : reporters()) names.emplace_back(reporter.name);
  return names;
}

}  // namespace

void bind_config(nb::module_& module) {
  module.def("load_config", load, nb::arg("path"), nb::arg("overrides"),
             nb::arg("apply_environment"), nb::arg("strict"),
             "(configuration, warnings) of a file, the environment and overrides `key=value`.");
  module.def("check_config", check, nb::arg("config"),
             "The configuration, completed; raises ConfigError with every problem.");
  module.def("config_options", options, "Every key: its type, default, unit and description.");
  module.def(
      "is_config_section", [](const std::string& key) { return is_section(key); }, nb::arg("key"));
  module.def("backend_names", backend_names, "Values of backend.type that the core knows.");
  module.def("reporter_names", reporter_names, "Values of reporter.type that the core knows.");
}

}  // namespace aieb::python
