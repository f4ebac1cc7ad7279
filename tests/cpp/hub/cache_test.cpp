#include "hub/cache.h"

#include <future>

#include "hub/disk.h"
#include "hub/temporary_folder.h"

namespace aieb::hub {
namespace {

namespace fs = std::filesystem;
const std::string kCommit(40, 'a');

using RepoCacheTest = test::HubTest;

TEST(RepoId, has_at_most_an_owner_and_a_name) {
  for (const char* good : {"gpt2", "org/name", "HuggingFaceTB/SmolLM2-135M-Instruct", "a.b/c_d"}) {
    EXPECT_TRUE(is_repo_id(good)) << good;
  }
  for (const char* bad :
       {"", "/", "a/", "/a", "a/b/c", "a b", "../a", "a--b/c", "-a/b", "a/b.", "~"}) {
    EXPECT_FALSE(is_repo_id(bad)) << bad;
  }
}

TEST_F(RepoCacheTest, links_a_blob_under_its_name_in_the_snapshot) {
  const RepoCache cache(folder_, {RepoKind::kModel, "org/name", "main"});
  write("models--org--name/blobs/etag", "content");
  cache.link("etag", kCommit, "sub/file.txt");
  const fs::path at = folder_ / "models--org--name/snapshots" / kCommit / "sub/file.txt";
  EXPECT_EQ(fs::read_symlink(at), "../../../blobs/etag");
  EXPECT_TRUE(fs::equivalent(at, cache.blob("etag")));
}

TEST_F(RepoCacheTest, replaces_a_link_whose_blob_is_gone) {
  const RepoCache cache(folder_, {RepoKind::kModel, "org/name", "main"});
  fs::create_directories(cache.snapshot(kCommit));
  fs::create_symlink("../../blobs/old", cache.snapshot(kCommit) / "file");
  write("models--org--name/blobs/new", "content");
  cache.link("new", kCommit, "file");
  EXPECT_TRUE(fs::exists(cache.snapshot(kCommit) / "file"));
}

TEST_F(RepoCacheTest, remembers_which_commit_a_revision_is) {
  const RepoCache cache(folder_, {RepoKind::kDataset, "name", "refs/pr/1"});
  EXPECT_EQ(cache.commit(), std::nullopt);
  cache.remember(kCommit);
  EXPECT_EQ(cache.commit(), kCommit);
  EXPECT_TRUE(fs::exists(folder_ / "datasets--name/refs/refs/pr/1"));
  EXPECT_EQ(RepoCache(folder_, {RepoKind::kModel, "x", kCommit}).commit(), kCommit);
}

TEST_F(RepoCacheTest, lets_one_process_in_at_a_time) {
  const RepoCache cache(folder_, {RepoKind::kModel, "org/name", "main"});
  std::future<void> second;
  {
    const FileLock first = cache.lock("etag");
    second = std::async(std::launch::async, [&] { const FileLock lock = cache.lock("etag"); });
    EXPECT_EQ(second.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  }
  EXPECT_EQ(second.wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST(HumanSize, uses_decimal_units) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(999), "999 B");
  EXPECT_EQ(human_size(1500), "1.5 kB");
  EXPECT_EQ(human_size(269060552), "269 MB");
  EXPECT_EQ(human_size(13476839424), "13.5 GB");
}

}  // namespace
}  // namespace aieb::hub
