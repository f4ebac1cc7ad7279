#include "python/python_collector.h"

#include "core/log.h"
#include "python/json.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

Json failure(const std::string& name, const std::string& text) {
  log::warning("the collector '" + name + "' failed: " + text);
  return {{"error", text}};
}

}  // namespace

void PythonCollector::start() {
  const nb::gil_scoped_acquire gil;
  try {
    collector_.get().attr("start")();
  } catch (nb::python_error& error) {
    start_error_ = error.what();
  }
}

Json PythonCollector::stop() {
  if (!start_error_.empty()) return failure(name_, start_error_);
  const nb::gil_scoped_acquire gil;
  try {
    return json_from(collector_.get().attr("stop")());
  } catch (nb::python_error& error) {
    return failure(name_, error.what());
  }
}

}  // namespace aieb::python
