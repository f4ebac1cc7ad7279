#include <filesystem>
#include <string>
#include <vector>

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "config/bundled.h"
#include "core/paths.h"
#include "core/version.h"
#include "python/bindings.h"

namespace nb = nanobind;

/// The core as the Python package sees it. Values cross as plain dictionaries, lists, texts and
/// numbers; classes with names and types are the package's own, in Python.
NB_MODULE(_core, module) {
  using namespace aieb;
#ifndef AIEB_LEAK_WARNINGS
  nb::set_leak_warnings(false);  // an interpreter that exits in the middle of a run
#endif
  module.doc() = "The C++ core of ai_energy_benchmarks.";
  module.attr("__version__") = version();
  module.def(
      "set_package_folders",
      [](const std::vector<std::string>& folders) {
        set_python_package_folders({folders.begin(), folders.end()});
      },
      nb::arg("folders"), "Where this interpreter's packages are; torch is looked for there.");
  module.def(
      "set_data_folder", [](const std::string& folder) { set_bundled_folder(folder); },
      nb::arg("folder"), "What holds ai_energy_benchmarks/config/reasoning_formats.yaml.");
  python::bind_errors(module);
  python::bind_log(module);
  python::bind_config(module);
  python::bind_datasets(module);
  python::bind_formatters(module);
  python::bind_gpu(module);
  python::bind_native_backend(module);
  python::bind_run(module);
  python::bind_reports(module);
  python::bind_energy_monitor(module);
}
