#include "config/starter.h"

#include <algorithm>
#include <array>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/option_table.h"
#include "core/error.h"

namespace aieb {
namespace {

enum class Kind { kInProcess, kServer };

/// What differs from the defaults for a backend.
struct Starter {
  std::string_view backend;
  Kind kind;
  std::string_view model;
  std::string_view endpoint;
  std::string_view hint;  ///< what must be there before it runs
};
constexpr std::array kStarters = {
    Starter{"pytorch", Kind::kInProcess, "HuggingFaceTB/SmolLM2-135M-Instruct", "",
            "The model is downloaded from the Hugging Face hub, or is a local folder."},
    Starter{"vllm", Kind::kServer, "openai/gpt-oss-120b", "http://localhost:8000/v1",
            "Start the server first, for example: vllm serve openai/gpt-oss-120b"},
    Starter{"openai", Kind::kServer, "my-model", "http://localhost:8080/v1",
            "Any server that speaks OpenAI's API; `model` is a name that it serves."},
    Starter{"ollama", Kind::kServer, "llama3.2", "http://localhost:11434/v1",
            "Start the server first: ollama serve, and ollama pull llama3.2"},
};

/// Keys that only one kind of backend heeds, by the beginning of their names.
struct Heeded {
  std::string_view prefix;
  Kind kind;
};
constexpr std::array kHeeded = {
    Heeded{"backend.engine", Kind::kInProcess},
    Heeded{"backend.revision", Kind::kInProcess},
    Heeded{"backend.device", Kind::kInProcess},
    Heeded{"backend.torch_dtype", Kind::kInProcess},
    Heeded{"backend.max_memory", Kind::kInProcess},
    Heeded{"backend.load_in_", Kind::kInProcess},
    Heeded{"backend.trust_remote_code", Kind::kInProcess},
    Heeded{"backend.use_cache", Kind::kInProcess},
    Heeded{"backend.pad_token_id", Kind::kInProcess},
    Heeded{"backend.return_logits", Kind::kInProcess},
    Heeded{"backend.threads", Kind::kInProcess},
    Heeded{"scenario.input_shapes", Kind::kInProcess},
    Heeded{"scenario.add_special_tokens", Kind::kInProcess},
    Heeded{"backend.endpoint", Kind::kServer},
    Heeded{"backend.headers", Kind::kServer},
    Heeded{"scenario.timeouts", Kind::kServer},
    Heeded{"scenario.load", Kind::kServer},
    Heeded{"metrics.scope", Kind::kServer},
    Heeded{"metrics.sources", Kind::kServer},
};

/// Keys that nobody begins with: deprecated, or set by the tool itself.
constexpr std::array<std::string_view, 2> kLeftOut = {"backend.use_harmony",
                                                      "metrics.location_given"};

bool is_heeded(const ConfigOption& option, Kind kind) {
  if (std::ranges::find(kLeftOut, option.key) != kLeftOut.end()) return false;
  return std::ranges::none_of(kHeeded, [&](const Heeded& heeded) {
    return heeded.kind != kind && option.key.starts_with(heeded.prefix);
  });
}

const Starter& find_starter(std::string_view backend) {
  const auto found = std::ranges::find(kStarters, backend, &Starter::backend);
  if (found != kStarters.end()) return *found;
  throw ConfigError(fmt::format("there is no starter configuration for '{}' (known: {})", backend,
                                fmt::join(starter_backends(), ", ")));
}

/// The value that is set for `key`; null: the key stands there as a comment.
Json set_value(const Starter& starter, const std::string& key) {
  if (key == "name") return "my_benchmark";
  if (key == "backend.type") return starter.backend;
  if (key == "backend.model") return starter.model;
  if (key == "backend.endpoint") return starter.endpoint;
  if (key == "backend.device") return "auto";
  if (key == "scenario.dataset_name") return "quickstart";
  if (key == "scenario.num_samples") return 20;
  if (key == "scenario.generate_kwargs") return {{"max_new_tokens", 64}};
  if (key == "reporter.type") return "html";
  if (key == "reporter.output_file") return "./results/my_benchmark.html";
  return nullptr;
}

std::string yaml(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_object() && !value.empty()) {
    std::string out;
    for (const auto& [key, inner] : value.items()) {
      out += (out.empty() ? "{" : ", ") + key + ": " + yaml(inner);
    }
    return out + "}";
  }
  if (value.is_number_float() && value == static_cast<double>(value.get<int64_t>())) {
    return std::to_string(value.get<int64_t>());
  }
  return value.is_string() && value.get<std::string>().find(": ") == std::string::npos
             ? value.get<std::string>()
             : value.dump();
}

/// The description as comment lines of at most 100 columns.
std::string comment(const ConfigOption& option, const std::string& indent) {
  constexpr size_t kWidth = 100;
  std::string text = option.description;
  if (!option.limits.choices.empty()) {
    text += fmt::format(" One of: {}.", fmt::join(option.limits.choices, ", "));
  }
  if (!option.unit.empty()) text += " (" + option.unit + ")";
  std::string out;
  std::string line = indent + "#";
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = indent + "#";
    }
    line += " " + word;
  }
  return out + line + "\n";
}

std::vector<std::string> segments(const std::string& key) {
  std::vector<std::string> out;
  std::istringstream in(key);
  for (std::string part; std::getline(in, part, '.');) out.push_back(part);
  return out;
}

/// Writes keys in the order of the table, opening the sections that they lie in.
class Writer {
 public:
  explicit Writer(const Starter& starter) : starter_(starter) {}

  void write(const ConfigOption& option) {
    const std::vector<std::string> parts = segments(option.key);
    open_sections(parts);
    const std::string indent(2 * (parts.size() - 1), ' ');
    const Json value = set_value(starter_, option.key);
    text_ += comment(option, indent);
    const std::string shown = yaml(value.is_null() ? default_of(option) : value);
    text_ += indent + (value.is_null() ? "#" : "") + parts.back() + ":" +
             (shown.empty() ? "" : " " + shown) + "\n";
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void open_sections(const std::vector<std::string>& parts) {
    const std::vector<std::string> sections(parts.begin(), parts.end() - 1);
    size_t same = 0;
    while (same < sections.size() && same < open_.size() && sections[same] == open_[same]) ++same;
    for (size_t depth = same; depth < sections.size(); ++depth) {
      if (depth == 0) text_ += "\n";
      // A section of comments only is empty, which is the same as absent.
      text_ += std::string(2 * depth, ' ') + sections[depth] + ":\n";
    }
    open_ = sections;
  }

  const Starter& starter_;
  std::vector<std::string> open_;
  std::string text_;
};

}  // namespace

std::vector<std::string> starter_backends() {
  std::vector<std::string> out;
  for (const Starter& starter : kStarters) out.emplace_back(starter.backend);
  return out;
}

std::string starter_config(std::string_view backend) {
  const Starter& starter = find_starter(backend);
  Writer writer(starter);
  for (const ConfigOption& option : option_table()) {
    if (is_heeded(option, starter.kind)) writer.write(option);
  }
  return fmt::format(
      "# A benchmark with the {} backend. Run it with: aieb run FILE\n"
      "# {}\n"
      "# Keys that begin with # show their defaults; take the # away to change them.\n"
      "# `reporter` may be a list of several. Every key: docs/config.md\n\n{}",
      starter.backend, starter.hint, writer.text());
}

}  // namespace aieb
