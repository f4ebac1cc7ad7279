#include "hub/model_choice.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "hub/temporary_folder.h"

namespace aieb::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> chosen(const std::vector<std::string>& names) {
  Listing listing;
  for (const std::string& name : names) listing.files.push_back({name, 1});
  std::vector<std::string> result;
  for (const RemoteFile& file : model_files(listing, "org/name")) result.push_back(file.name);
  return result;
}

TEST(ModelFilesChoice, takes_one_format_of_weights_and_leaves_the_rest) {
  EXPECT_THAT(chosen({"README.md", "config.json", "flax_model.msgpack", "model.safetensors",
                      "onnx/model.onnx", "pytorch_model.bin", "tokenizer.json"}),
              ElementsAre("config.json", "tokenizer.json", "model.safetensors"));
  EXPECT_THAT(chosen({"config.json", "pytorch_model.bin"}),
              ElementsAre("config.json", "pytorch_model.bin"));
}

TEST(ModelFilesChoice, takes_all_shards_and_their_index) {
  EXPECT_THAT(chosen({"config.json", "consolidated.safetensors", "model-00001-of-00002.safetensors",
                      "model-00002-of-00002.safetensors", "model.safetensors.index.json"}),
              ElementsAre("config.json", "model-00001-of-00002.safetensors",
                          "model-00002-of-00002.safetensors", "model.safetensors.index.json"));
}

TEST(ModelFilesChoice, takes_further_chat_templates) {
  EXPECT_THAT(
      chosen({"additional_chat_templates/rag.jinja", "chat_template.jinja", "model.safetensors"}),
      ElementsAre("additional_chat_templates/rag.jinja", "chat_template.jinja",
                  "model.safetensors"));
}

TEST(ModelFilesChoice, names_gguf_files_where_there_is_nothing_else) {
  try {
    chosen({"README.md", "q4.gguf"});
    FAIL() << "nothing was thrown";
  } catch (const ModelError& e) {
    EXPECT_THAT(e.what(), HasSubstr("org/name/q4.gguf"));
  }
  EXPECT_THROW(chosen({"README.md"}), ModelError);
}

using ModelFolder = test::HubTest;

TEST_F(ModelFolder, is_complete_with_configuration_and_weights) {
  EXPECT_THAT(missing_from_folder(folder_), ElementsAre("config.json", HasSubstr("safetensors")));
  write("config.json");
  write("model.safetensors");
  EXPECT_THAT(missing_from_folder(folder_), IsEmpty());
}

TEST_F(ModelFolder, lacks_the_shards_that_are_not_there) {
  write("config.json");
  write("model.safetensors.index.json",
        R"({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors",
                           "c": "model-1.safetensors"}})");
  write("model-1.safetensors");
  EXPECT_THAT(missing_from_folder(folder_), ElementsAre("model-2.safetensors"));
  write("model.safetensors.index.json", "{");
  EXPECT_THROW(missing_from_folder(folder_), ModelError);
}

}  // namespace
}  // namespace aieb::hub
