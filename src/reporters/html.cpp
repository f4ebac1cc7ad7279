#include "reporters/html.h"

#include <string_view>

#include "reporters/html_data.h"

namespace aieb {

namespace embedded {
extern const std::string_view report_page;
extern const std::string_view report_style;
extern const std::string_view report_charts;
extern const std::string_view report_table;
extern const std::string_view report_sections;
extern const std::string_view report_compare;
}  // namespace embedded

namespace {

/// Text between tags.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// JSON inside a script element: without '<' nothing in it can end the element or begin a comment.
std::string script_safe(const Json& data) {
  const std::string text = data.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  for (const char c : text) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

struct Slot {
  std::string_view name;
  std::string text;
};

/// The page with every "{{name}}" replaced. What is put in is not searched again.
std::string filled(std::string_view page, std::initializer_list<Slot> slots) {
  std::string out;
  while (!page.empty()) {
    const size_t open = page.find("{{");
    out += page.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = page.find("}}", open);
    const std::string_view name = page.substr(open + 2, close - open - 2);
    for (const Slot& slot : slots) {
      if (slot.name == name) out += slot.text;
    }
    page.remove_prefix(close + 2);
  }
  return out;
}

}  // namespace

std::string html_page(const std::string& title, const char* kind, const Json& data) {
  const std::string script =
      std::string(embedded::report_charts) + std::string(embedded::report_table) +
      std::string(embedded::report_sections) + std::string(embedded::report_compare);
  return filled(embedded::report_page, {{"title", escaped(title)},
                                        {"kind", kind},
                                        {"style", std::string(embedded::report_style)},
                                        {"data", script_safe(data)},
                                        {"script", script}});
}

std::string html_report(const Results& results) {
  return html_page(results.name + " · " + results.model, "run", html_data(results));
}

}  // namespace aieb
