#pragma once

#include <nanobind/nanobind.h>

/// Each adds the functions and classes of one file to the module. Calls that may log, wait or read
/// files release the GIL.
namespace aieb::python {

void bind_errors(nanobind::module_& module);
void bind_log(nanobind::module_& module);
void bind_config(nanobind::module_& module);
void bind_datasets(nanobind::module_& module);
void bind_formatters(nanobind::module_& module);
void bind_gpu(nanobind::module_& module);
void bind_native_backend(nanobind::module_& module);
void bind_run(nanobind::module_& module);
void bind_reports(nanobind::module_& module);
void bind_energy_monitor(nanobind::module_& module);

}  // namespace aieb::python
