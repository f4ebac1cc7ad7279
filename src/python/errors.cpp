#include <array>
#include <exception>
#include <typeinfo>

#include "core/error.h"
#include "python/bindings.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

/// The Python class of an error, in ai_energy_benchmarks.errors.
struct ErrorClass {
  bool (*matches)(const Error&);
  const char* name;
};

template <class T>
bool is(const Error& error) {
  return typeid(error) == typeid(T);
}

bool any(const Error&) { return true; }

constexpr std::array kClasses{
    ErrorClass{is<ConfigError>, "ConfigError"}, ErrorClass{is<EnvironmentError>, "SetupError"},
    ErrorClass{is<ModelError>, "ModelError"},   ErrorClass{is<DataError>, "DataError"},
    ErrorClass{is<ServerError>, "ServerError"}, ErrorClass{any, "BenchmarkError"},
};

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const Error& error) {
    const nb::object errors = nb::module_::import_("ai_energy_benchmarks.errors");
    for (const ErrorClass& row : kClasses) {
      if (!row.matches(error)) continue;
      const nb::object made =
          errors.attr(row.name)(error.what(), static_cast<int>(error.exit_code()));
      PyErr_SetObject(made.type().ptr(), made.ptr());
      return;
    }
  }
}

}  // namespace

void bind_errors(nb::module_&) { nb::register_exception_translator(translate); }

}  // namespace aieb::python
