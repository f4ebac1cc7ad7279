#pragma once

#include <nanobind/nanobind.h>

#include "core/json.h"

namespace aieb::python {

/// A Python value of None, bool, int, float, str, list, tuple and dict as JSON, recursively. Keys
/// and other objects become their `str`. The GIL must be held.
Json json_from(nanobind::handle value);

/// The same value in Python. Numbers that are not finite become None. The GIL must be held.
nanobind::object to_python(const Json& json);

}  // namespace aieb::python
