#include <algorithm>
#include <random>
#include <sstream>

#include "config/bundled.h"
#include "config/document.h"
#include "config/option_docs.h"
#include "config/option_table.h"
#include "config/support.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;
using test::parse;
using test::TemporaryFolder;

const std::string kSource = AIEB_SOURCE_DIR;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(ShippedConfigs, are_valid_and_strict) {
  int found = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kSource + "/configs")) {
    if (entry.path().extension() != ".yaml") continue;
    ++found;
    const LoadOptions options{entry.path().string(), {}, false, true};
    EXPECT_TRUE(load_config(options).warnings.empty()) << entry.path();
  }
  EXPECT_GE(found, 10);
}

TEST(ShippedConfigs, quickstart_needs_nothing_special) {
  const auto config = load_config({kSource + "/configs/quickstart.yaml", {}, false}).config;
  EXPECT_EQ(config.backend.type, "pytorch");
  EXPECT_EQ(config.backend.device, "auto");
  EXPECT_EQ(config.scenario.num_samples, 20);
  const GenerationParams params = generation_params(config.scenario);
  EXPECT_EQ(params.max_new_tokens, 64);
  EXPECT_EQ(params.min_new_tokens, 0);
  EXPECT_FALSE(params.samples());
  EXPECT_FALSE(config.metrics.location_given);
  EXPECT_EQ(config.reporters.at(0).output_file, "./results/quickstart_results.csv");
}

// What the reference documents, in its shapes: whole files, sections alone, a few keys.
class DocumentedFragments : public testing::TestWithParam<const char*> {};

TEST_P(DocumentedFragments, parse) { EXPECT_NO_THROW(parse(GetParam())) << GetParam(); }

INSTANTIATE_TEST_SUITE_P(
    Reference, DocumentedFragments,
    testing::Values(
        "backend:\n  type: pytorch  # or vllm\n  # ... settings\n",
        "backend:\n  device_ids: [0, 1, 2, 3]\n  device_map: auto\n  torch_dtype: auto\n"
        "  max_memory:\n    0: \"20GB\"\n    1: \"20GB\"\n",
        "backend:\n  load_in_8bit: true  # or load_in_4bit: true\n  use_cache: true\n"
        "  pad_token_id: 0\n",
        "backend:\n  endpoint: \"http://host.docker.internal:8000/v1\"\n",
        "backend:\n  endpoint: \"${VLLM_ENDPOINT:-http://localhost:8000/v1}\"\n"
        "  model: \"${MODEL_NAME:-openai/gpt-oss-120b}\"\nscenario:\n"
        "  num_samples: \"${NUM_SAMPLES:-100}\"\n",
        "backend:\n  type: tensorrt\n  model: meta-llama/Llama-2-7b-hf\n  device: cuda\n",
        "scenario:\n  input_shapes:\n    batch_size: 1  # Minimum\n",
        "scenario:\n  generate_kwargs:\n    max_new_tokens: 100\n    min_new_tokens: 50\n"
        "    temperature: 0.7\n    top_p: 0.9\n    top_k: 50\n    do_sample: true\n",
        "scenario:\n  reasoning_params:\n    enable_thinking: true\n    thinking_budget: 1000\n",
        "scenario:\n  dataset_name: /path/to/local/dataset\n",
        "metrics:\n  type: codecarbon\n  enabled: false\n  country_iso_code: \"USA\"\n"
        "  region: null  # or specific region like \"california\"\n",
        "country_iso_code: \"USA\"\nregion: null  # US average\n",
        "device_map: balanced_low_0  # Minimize GPU 0\n", "output_dir: /tmp/benchmark_output\n",
        "reporter:\n  type: json\n  output_file: \"./results/benchmark_results.json\"\n",
        "# only comments\n# and nothing else\n", ""));

/// The ```yaml blocks of a Markdown file, also indented ones.
std::vector<std::string> yaml_blocks(const std::string& markdown) {
  std::vector<std::string> blocks;
  std::istringstream lines(markdown);
  std::string line;
  size_t indent = 0;
  bool inside = false;
  while (std::getline(lines, line)) {
    const size_t fence = line.find("```");
    if (!inside && fence != std::string::npos && line.substr(fence) == "```yaml") {
      indent = fence;
      inside = true;
      blocks.emplace_back();
    } else if (inside && fence != std::string::npos) {
      inside = false;
    } else if (inside) {
      blocks.back() += line.substr(std::min(indent, line.size())) + "\n";
    }
  }
  return blocks;
}

/// A block that shows alternatives of one file repeats its top-level keys: one text for each.
std::vector<std::string> alternatives(const std::string& block) {
  std::vector<std::string> texts = {""};
  std::vector<std::string> seen;
  std::istringstream lines(block);
  std::string line;
  while (std::getline(lines, line)) {
    const size_t colon = line.find(':');
    if (!line.empty() && std::isalpha(static_cast<unsigned char>(line[0])) &&
        colon != std::string::npos) {
      const std::string key = line.substr(0, colon);
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
        texts.emplace_back();
        seen.clear();
      }
      seen.push_back(key);
    }
    texts.back() += line + "\n";
  }
  return texts;
}

/// Leaves of the schema block, whose values are type names: every key must be in the table.
void expect_known_keys(const Node& node, const std::string& path) {
  for (size_t i = 0; i < node.keys.size(); ++i) {
    const std::string key = path.empty() ? node.keys[i].text : path + "." + node.keys[i].text;
    const ConfigOption* option = find_option(key);
    if (option && option->members) {
      for (const NodeKey& member : node.items[i].keys) {
        const auto& rows = *option->members;
        EXPECT_TRUE(std::any_of(rows.begin(), rows.end(),
                                [&](const OptionFacts& row) { return row.key == member.text; }))
            << key << "." << member.text;
      }
    } else if (node.items[i].is_mapping()) {
      expect_known_keys(node.items[i], key);
    } else {
      EXPECT_NE(option, nullptr) << key;
    }
  }
}

TEST(SpecificationFile, has_only_examples_that_parse) {
  const char* path = std::getenv("AIEB_SPEC");
  if (!path) GTEST_SKIP() << "set AIEB_SPEC to a Markdown file to parse its yaml blocks";
  const std::vector<std::string> blocks = yaml_blocks(read(path));
  EXPECT_FALSE(blocks.empty());
  int configs = 0;
  for (const std::string& block : blocks) {
    Problems problems;
    const VariableLookup lookup = environment_variable;
    if (block.find(": string") != std::string::npos) {
      expect_known_keys(parse_yaml(block, {"schema", 1}, {lookup, problems}), "");
      continue;
    }
    if (block.starts_with("families:")) continue;  // a registry of reasoning formats
    for (const std::string& text : alternatives(block)) {
      ++configs;
      EXPECT_NO_THROW(parse(text)) << text;
    }
  }
  std::cout << blocks.size() << " blocks, " << configs << " configurations\n";
}

/// Valid configurations with random bytes changed: any result is right but a crash or a hang.
TEST(Robustness, survives_random_mutations) {
  const char* fixed = std::getenv("AIEB_TEST_SEED");
  const uint64_t seed = fixed ? std::stoull(fixed) : std::random_device{}();
  std::cout << "AIEB_TEST_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  std::vector<std::pair<std::string, std::string>> corpus;
  for (const auto& entry : fs::recursive_directory_iterator(kSource + "/configs")) {
    if (entry.is_regular_file()) corpus.emplace_back(read(entry.path().string()), "a.yaml");
  }
  corpus.emplace_back("a: &x {b: [1, *x, \"${A:-b}\"]}\nc: {<<: *x}\nd: |\n  text\n", "a.yaml");
  corpus.emplace_back(to_json(BenchmarkConfig{}).dump(1), "a.json");
  const std::string interesting = "{}[]:,&*!|>'\"%@`#-?\\\n\t ${}:-\x80\xff<=~0.e";
  int accepted = 0;
  for (int round = 0; round < 6000; ++round) {
    auto [text, place] = corpus[random() % corpus.size()];
    for (uint64_t changes = 1 + random() % 8; changes > 0 && !text.empty(); --changes) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.insert(at, 1, interesting[random() % interesting.size()]);
          break;
        case 2:
          text.erase(at, 1 + random() % 5);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 30));
      }
    }
    try {
      parse(text, {}, false, place);
      ++accepted;
    } catch (const ConfigError& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with(place)) << error.what();
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(Robustness, survives_random_overrides) {
  std::mt19937_64 random(7);
  const std::string letters = "abckey.=[]{}0123,:\"' ${}_-&*";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const auto& rows = option_table();
    if (random() % 2) text = rows[random() % rows.size()].key + "=";
    for (uint64_t i = random() % 12; i > 0; --i) text += letters[random() % letters.size()];
    try {
      parse("reporter: [{type: csv}]\nscenario: {num_samples: 2}", {text});
    } catch (const ConfigError&) {
    }
  }
}

TEST(BundledFiles, are_found_in_the_repository_and_embedded_alike) {
  for (const EmbeddedFile& embedded : embedded_files()) {
    const std::string path = kSource + "/" + std::string(embedded.path);
    EXPECT_EQ(embedded.text, read(path)) << embedded.path;
    EXPECT_EQ(bundled_file(embedded.path).text, embedded.text);
  }
  EXPECT_EQ(embedded_files().size(), 3U + kTransformersWorker.size());
}

TEST(BundledFiles, a_folder_that_is_set_wins_where_it_has_the_file) {
  const TemporaryFolder folder;
  folder.write(std::string(kReasoningFormats), "families: {}\n");
  set_bundled_folder(folder.path());
  const BundledFile formats = bundled_file(kReasoningFormats);
  const BundledFile prompts = bundled_file(kQuickstartPrompts);
  set_bundled_folder("");
  EXPECT_EQ(formats.text, "families: {}\n");
  EXPECT_EQ(prompts.text, embedded_files()[0].text);
  EXPECT_NE(bundled_file(kReasoningFormats).text, "families: {}\n");
}

TEST(Docs, config_page_is_up_to_date) {
  const std::string path = kSource + "/docs/config.md";
  const std::string page = read(path);
  const size_t begin = page.find('\n', page.find("<!-- begin:")) + 1;
  const size_t end = page.find("<!-- end -->");
  ASSERT_NE(end, std::string::npos);
  const std::string wanted = page.substr(0, begin) + options_markdown() + "\n" + page.substr(end);
  if (std::getenv("AIEB_UPDATE_DOCS")) std::ofstream(path, std::ios::binary) << wanted;
  EXPECT_EQ(read(path), wanted) << "run with AIEB_UPDATE_DOCS=1 to renew it";
}

TEST(Docs, help_has_a_line_for_every_key) {
  const std::string help = options_help();
  for (const ConfigOption& option : option_table()) {
    EXPECT_NE(help.find("  " + option.key + " "), std::string::npos) << option.key;
  }
}

}  // namespace
}  // namespace aieb
