#pragma once

#include <string>
#include <utility>

#include "python/held_object.h"
#include "runner/runner.h"

namespace aieb::python {

/// A metrics collector that is a Python object with start() and stop() -> dict. What it raises
/// becomes {"error": text}.
class PythonCollector : public Collector {
 public:
  PythonCollector(std::string name, HeldObject collector)
      : name_(std::move(name)), collector_(std::move(collector)) {}

  [[nodiscard]] std::string name() const override { return name_; }
  void start() override;
  Json stop() override;

 private:
  std::string name_;
  HeldObject collector_;
  std::string start_error_;
};

}  // namespace aieb::python
