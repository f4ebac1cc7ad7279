#pragma once

#include "backends/backend.h"
#include "python/held_object.h"

namespace aieb::python {

/// A backend that is a Python class, under the C++ runner: its requests are recorded, timed and
/// attributed energy like any other's. `driver` is an object of ai_energy_benchmarks._driver with
///   info() -> dict, validate(), load(), run(prompt: str, generate_kwargs: dict) -> dict, unload().
/// Requests are answered one after the other. Methods are called without the GIL and take it.
class PythonBackend : public Backend {
 public:
  explicit PythonBackend(HeldObject driver) : driver_(std::move(driver)) {}

  [[nodiscard]] BackendInfo info() const override;
  void validate() override;
  void load() override;
  void run(const Workload& workload, RunContext& context) override;
  void unload() override;

 private:
  void call(const char* method);
  RequestRecord answer(const Request& request, RunContext& context);

  HeldObject driver_;
};

}  // namespace aieb::python
