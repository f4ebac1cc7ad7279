#pragma once

#include <array>
#include <optional>
#include <string>

namespace aieb {

/// A value that a driver's library gave, or the code that it returned instead (0: it worked).
template <typename T>
struct DriverResult {
  std::optional<T> value;
  int code = 0;
};

/// Calls of a C library whose functions return a code, 0 for success. `kNoFunction` stands for a
/// function that this version of the library does not export.
template <int kNoFunction>
struct DriverCalls {
  template <typename Function, typename... Arguments>
  static int call(Function* function, Arguments... arguments) {
    return function == nullptr ? kNoFunction : static_cast<int>(function(arguments...));
  }

  /// Calls function(arguments..., &value).
  template <typename T, typename Function, typename... Arguments>
  static DriverResult<T> get(Function* function, Arguments... arguments) {
    T value{};
    const int code = call(function, arguments..., &value);
    if (code != 0) return {std::nullopt, code};
    return {value, code};
  }
};

/// The part of a result that `part` picks, as a number.
template <typename T, typename Part>
DriverResult<double> part_of(const DriverResult<T>& result, Part part) {
  if (!result.value) return {std::nullopt, result.code};
  return {static_cast<double>(part(*result.value)), result.code};
}

template <typename T>
DriverResult<double> scaled(const DriverResult<T>& result, double factor) {
  return part_of(result, [factor](const T& value) { return static_cast<double>(value) * factor; });
}

}  // namespace aieb
