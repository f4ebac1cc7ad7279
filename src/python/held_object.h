#pragma once

#include <memory>
#include <utility>

#include <nanobind/nanobind.h>

namespace aieb::python {

/// A Python object that C++ keeps on any thread: copies and the last release need no GIL.
class HeldObject {
 public:
  /// The GIL must be held.
  explicit HeldObject(nanobind::object object)
      : object_(new nanobind::object(std::move(object)), [](nanobind::object* held) {
          const nanobind::gil_scoped_acquire gil;
          delete held;
        }) {}

  /// The GIL must be held while the result is used.
  [[nodiscard]] const nanobind::object& get() const { return *object_; }

 private:
  std::shared_ptr<nanobind::object> object_;
};

}  // namespace aieb::python
