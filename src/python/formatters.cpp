#include <array>
#include <optional>
#include <string>

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "config/parser.h"
#include "formatters/registry.h"
#include "python/bindings.h"
#include "python/json.h"

namespace aieb::python {
namespace nb = nanobind;
namespace {

constexpr std::array kTypeNames = {"harmony", "parameter", "system_prompt", "prefix", "none"};

Json describe(const ReasoningFormat& format) {
  return {{"family", format.family},
          {"type", kTypeNames.at(static_cast<size_t>(format.type))},
          {"parameter", format.parameter},
          {"enable_flag", format.enable_flag},
          {"disable_flag", format.disable_flag},
          {"system_prompt_template", format.system_prompt_template},
          {"flag_position",
           format.flag_position == ReasoningFormat::FlagPosition::kUser ? "user" : "system"},
          {"default_enabled", format.default_enabled},
          {"always_on", format.always_on},
          {"description", format.description}};
}

Json messages_json(const std::vector<Message>& messages) {
  Json out = Json::array();
  for (const Message& m : messages) out.push_back({{"role", m.role}, {"content", m.content}});
  return out;
}

/// What a format makes of one prompt.
nb::object format_prompt(const FormatterRegistry& registry, const std::string& model,
                         const std::string& prompt, const nb::dict& params, bool for_server) {
  const auto format = registry.find(model);
  const Route route = for_server ? Route::kServer : Route::kInProcess;
  const Json given = json_from(params);
  const Formatter formatter = given.empty() ? Formatter()
                              : format      ? Formatter(*format, model, given, route, true)
                                            : Formatter::pass_through(given, route, model);
  const FormattedPrompt out = formatter.format(prompt);
  return to_python({{"prompt", out.prompt_text},
                    {"messages", messages_json(out.messages)},
                    {"response_prefix", out.response_prefix},
                    {"template_kwargs", formatter.template_kwargs()},
                    {"request_parameters", formatter.request_parameters()},
                    {"notices", formatter.notices()}});
}

nb::object find(const FormatterRegistry& registry, const std::string& model) {
  const auto format = registry.find(model);
  return format ? to_python(describe(*format)) : nb::none();
}

FormatterRegistry load(const std::string& path) {
  ScenarioConfig scenario;
  scenario.reasoning_formats = path;
  return FormatterRegistry::load(scenario);
}

}  // namespace

void bind_formatters(nb::module_& module) {
  nb::class_<FormatterRegistry>(module, "FormatterRegistry")
      .def_static("load", load, nb::arg("path"), "From a file; empty: the registry in force.")
      .def_static("parse", &FormatterRegistry::parse, nb::arg("text"), nb::arg("place"))
      .def("find", find, nb::arg("model"), "The format's fields; None: the model has none.")
      .def("families", &FormatterRegistry::families)
      .def("format", format_prompt, nb::arg("model"), nb::arg("prompt"), nb::arg("params"),
           nb::arg("for_server"));
}

}  // namespace aieb::python
