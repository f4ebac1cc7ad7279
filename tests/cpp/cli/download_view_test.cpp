#include "cli/download_view.h"

#include <gtest/gtest.h>

namespace aieb::cli {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(DownloadView, rate_and_time_left_count_from_the_first_state) {
  DownloadView view;
  EXPECT_FALSE(view.update({"model.safetensors", 100'000'000, 1'100'000'000}, 0).remaining_s);
  const Progress progress =
      view.update({"model.safetensors", 600'000'000, 1'100'000'000}, 5 * kSecond);
  EXPECT_DOUBLE_EQ(*progress.remaining_s, 5);
  EXPECT_NE(progress.detail.find("100 MB/s"), std::string::npos) << progress.detail;
  EXPECT_NE(progress.detail.find("model.safetensors"), std::string::npos);
}

TEST(DownloadView, another_download_starts_anew) {
  DownloadView view;
  view.update({"a", 0, 1000}, 0);
  view.update({"a", 1000, 1000}, kSecond);
  EXPECT_FALSE(view.update({"b", 0, 5000}, 2 * kSecond).remaining_s);
  EXPECT_DOUBLE_EQ(*view.update({"b", 2500, 5000}, 3 * kSecond).remaining_s, 1);
}

}  // namespace
}  // namespace aieb::cli
