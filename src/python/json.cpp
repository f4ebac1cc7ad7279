#include "python/json.h"

#include <cmath>
#include <string>

#include <nanobind/stl/string.h>

namespace aieb::python {
namespace nb = nanobind;
namespace {

/// Text as JSON holds it: what is not UTF-8 (a surrogate of a damaged string) is replaced.
std::string text_of(nb::handle value) {
  const nb::bytes utf8(nb::str(value).attr("encode")("utf-8", "replace"));
  return {utf8.c_str(), utf8.size()};
}

nb::object text_to_python(const std::string& text) {
  return nb::bytes(text.data(), text.size()).attr("decode")("utf-8", "replace");
}

Json list_from(nb::handle value) {
  Json out = Json::array();
  for (const nb::handle item : nb::iter(value)) out.push_back(json_from(item));
  return out;
}

Json number_from(nb::handle value) {
  int64_t whole = 0;
  if (nb::try_cast(value, whole)) return whole;
  uint64_t large = 0;
  if (nb::try_cast(value, large)) return large;
  return nb::cast<double>(nb::float_(value));
}

}  // namespace

Json json_from(nb::handle value) {
  if (value.is_none()) return nullptr;
  if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);
  if (nb::isinstance<nb::int_>(value)) return number_from(value);
  if (nb::isinstance<nb::float_>(value)) return nb::cast<double>(value);
  if (nb::isinstance<nb::list>(value) || nb::isinstance<nb::tuple>(value)) return list_from(value);
  if (PyIndex_Check(value.ptr())) return number_from(nb::int_(value));  // numpy's numbers
  if (nb::hasattr(value, "__float__")) return nb::cast<double>(nb::float_(value));
  if (!nb::isinstance<nb::dict>(value)) return text_of(value);
  Json out = Json::object();
  for (const auto& [key, item] : nb::borrow<nb::dict>(value)) out[text_of(key)] = json_from(item);
  return out;
}

nb::object to_python(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return nb::bool_(json.get<bool>());
    case Json::value_t::number_integer:
      return nb::int_(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      return nb::int_(json.get<uint64_t>());
    case Json::value_t::number_float: {
      const auto number = json.get<double>();
      return std::isfinite(number) ? nb::object(nb::float_(number)) : nb::none();
    }
    case Json::value_t::string:
      return text_to_python(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      nb::list out;
      for (const Json& item : json) out.append(to_python(item));
      return out;
    }
    case Json::value_t::object: {
      nb::dict out;
      for (const auto& [key, item] : json.items()) out[text_to_python(key)] = to_python(item);
      return out;
    }
    case Json::value_t::null:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  return nb::none();
}

}  // namespace aieb::python
