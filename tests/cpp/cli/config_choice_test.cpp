#include "cli/config_choice.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/error.h"
#include "reporters/temporary_folder.h"

namespace aieb::cli {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::write_text;

TEST(Arguments, are_a_file_and_settings_in_any_order) {
  const ConfigArguments a = sort_arguments({"name=x", "my/conf.yaml", "scenario.num_samples=5"});
  EXPECT_EQ(a.path, "my/conf.yaml");
  EXPECT_EQ(a.overrides, (std::vector<std::string>{"name=x", "scenario.num_samples=5"}));
}

TEST(Arguments, take_a_path_with_an_equals_sign_for_a_path) {
  EXPECT_EQ(sort_arguments({"runs/lr=3/conf.yaml"}).path, "runs/lr=3/conf.yaml");
}

TEST(Arguments, may_hold_one_file_only) {
  EXPECT_THROW(sort_arguments({"a.yaml", "b.yaml"}), ConfigError);
}

constexpr const char* kVariables[] = {"CONFIG_FILE", "BENCHMARK_BACKEND", "BENCHMARK_MODEL",
                                      "VLLM_ENDPOINT", "NUM_SAMPLES"};

/// A folder with configs/ as the current one, and an environment that says nothing.
class ConfigChoiceTest : public ::testing::Test {
 protected:
  ConfigChoiceTest() : before_(fs::current_path()) {
    clear_environment();
    fs::current_path(folder_.path());
    fs::create_directory("configs");
    // Port 9 (discard) of this host: nothing listens there.
    write_text("configs/gpt_oss_120b.yaml",
               "name: big\nbackend: {type: vllm, endpoint: 'http://127.0.0.1:9/v1'}\n");
    write_text("configs/quickstart.yaml", "name: quick\nbackend: {type: pytorch, model: small}\n");
    write_text("own.yaml", "name: own\n");
  }
  ~ConfigChoiceTest() override {
    clear_environment();
    fs::current_path(before_);
  }

  static void clear_environment() {
    for (const char* name : kVariables) unsetenv(name);
  }
  static std::string name_of(const ConfigChoice& choice) { return choice.loaded.config.name; }

 private:
  TemporaryFolder folder_;
  fs::path before_;
};

TEST_F(ConfigChoiceTest, reads_the_file_that_was_named) {
  setenv("CONFIG_FILE", "configs/quickstart.yaml", 1);
  EXPECT_EQ(name_of(choose_config({.path = "own.yaml"})), "own");
}

TEST_F(ConfigChoiceTest, reads_config_file_when_none_was_named) {
  setenv("CONFIG_FILE", "own.yaml", 1);
  EXPECT_EQ(name_of(choose_config({})), "own");
}

TEST_F(ConfigChoiceTest, takes_the_quickstart_when_no_server_listens_and_says_so) {
  const ConfigChoice choice = choose_config({.overrides = {"scenario.num_samples=3"}});
  EXPECT_EQ(name_of(choice), "quick");
  EXPECT_EQ(choice.loaded.config.scenario.num_samples, 3);
  EXPECT_NE(choice.notice.find("http://127.0.0.1:9/v1"), std::string::npos);
  EXPECT_NE(choice.notice.find("quickstart.yaml"), std::string::npos);
}

TEST_F(ConfigChoiceTest, keeps_the_default_when_the_environment_chooses_another_backend) {
  setenv("BENCHMARK_BACKEND", "pytorch", 1);
  const ConfigChoice choice = choose_config({});
  EXPECT_EQ(name_of(choice), "big");
  EXPECT_EQ(choice.loaded.config.backend.type, "pytorch");
}

TEST_F(ConfigChoiceTest, never_measures_something_else_than_the_server_that_was_named) {
  setenv("VLLM_ENDPOINT", "http://127.0.0.1:9/v1", 1);
  EXPECT_EQ(name_of(choose_config({})), "big");
}

}  // namespace
}  // namespace aieb::cli
