#include "engine/checkpoint/tensor_copies.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"

namespace aieb::engine {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

/// Random 16-bit numbers in a file, some more in front of the tensors, and tensors that lie in it.
class TensorCopiesTest : public testing::Test {
 protected:
  void SetUp() override {
    RecordProperty("seed", static_cast<int>(seed_));
    std::string name = (std::filesystem::temp_directory_path() / "aieb-copies-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    at::manual_seed(seed_);
    values_ = at::randn({7 * kMiB + pick(1, 4096)}, at::kHalf);
    write(values_);
    file_ = MappedFile::open(path());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ + "/weights"; }

  void write(const at::Tensor& values) const {
    std::ofstream stream(path(), std::ios::binary);
    stream.write(static_cast<const char*>(values.const_data_ptr()),
                 static_cast<std::streamsize>(values.nbytes()));
  }

  int64_t pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  /// A view of the mapped file.
  [[nodiscard]] at::Tensor stored(int64_t first, int64_t count) const {
    auto* data = const_cast<std::byte*>(file_->data()) + 2 * first;
    return at::from_blob(data, {count}, at::TensorOptions(at::kHalf));
  }

  /// Returns false where the file system keeps it all the same (one in memory does).
  bool drop_from_cache() const {
    const int file = ::open(path().c_str(), O_RDONLY);
    ::fsync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
    return !file_->is_cached(0, file_->size());
  }

  /// Tensors from the whole file, one after the other, most of them large.
  void expect_equal_copies(at::ScalarType type) {
    TensorCopies copies;
    std::vector<at::Tensor> made;
    std::vector<at::Tensor> expected;
    for (int64_t first = pick(0, 3); first < values_.numel();) {
      const int64_t most = values_.numel() - first;
      const int64_t count = std::min(most, pick(0, 3) == 0 ? pick(1, 5000) : pick(1, 3 * kMiB));
      made.push_back(at::zeros({count}, type));
      expected.push_back(values_.narrow(0, first, count).to(type));
      copies.add(stored(first, count), made.back());
      first += count;
    }
    copies.run();
    for (size_t i = 0; i < made.size(); ++i) {
      EXPECT_TRUE(at::equal(made[i], expected[i])) << "seed " << seed_ << ", tensor " << i;
    }
  }

  const unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
  std::string folder_;
  at::Tensor values_;
  std::shared_ptr<const MappedFile> file_;
};

TEST_F(TensorCopiesTest, files_that_are_in_the_cache_and_files_that_are_not_give_the_same) {
  for (const at::ScalarType type : {at::kHalf, at::kFloat, at::kBFloat16}) {
    drop_from_cache();
    expect_equal_copies(type);
    file_->read(
        0, {static_cast<std::byte*>(at::empty_like(values_).mutable_data_ptr()), values_.nbytes()});
    EXPECT_TRUE(file_->is_cached(0, file_->size()));
    expect_equal_copies(type);
  }
}

TEST_F(TensorCopiesTest, what_is_read_past_the_cache_does_not_fill_it) {
  if (!drop_from_cache()) GTEST_SKIP() << path() << " cannot be taken out of the cache";
  const at::Tensor copy = at::empty_like(values_);
  TensorCopies copies;
  copies.add(stored(0, values_.numel()), copy);
  copies.run();
  EXPECT_FALSE(file_->is_cached(0, size_t{4} << 20));
}

TEST_F(TensorCopiesTest, memory_that_is_no_file_is_copied_too) {
  const at::Tensor copy = at::empty({values_.numel()}, at::kFloat);
  TensorCopies copies;
  copies.add(values_, copy);
  copies.run();
  EXPECT_TRUE(at::equal(copy, values_.to(at::kFloat)));
}

TEST_F(TensorCopiesTest, staged_tensors_come_in_their_order_whatever_their_strides) {
  drop_from_cache();
  TensorCopies copies;
  std::vector<at::Tensor> made;
  std::vector<at::Tensor> expected;
  int64_t first = pick(0, 3);
  for (int i = 0; i < 12; ++i) {
    const int64_t rows = pick(1, 600);
    const int64_t columns = pick(1, 900);
    at::Tensor from = stored(first, rows * columns).view({rows, columns});
    at::Tensor values = values_.narrow(0, first, rows * columns).view({rows, columns});
    if (pick(0, 1) == 1) {
      from = from.t();
      values = values.t();
    }
    const at::Tensor order = pick(0, 1) == 1 ? at::randperm(from.size(0)) : at::Tensor();
    made.push_back(at::zeros(from.sizes(), at::kFloat));
    expected.push_back(ordered(values, order).to(at::kFloat));
    copies.add_staged(from, made.back(), order);
    first += rows * columns;
  }
  copies.run();
  for (size_t i = 0; i < made.size(); ++i) {
    EXPECT_TRUE(at::equal(made[i], expected[i])) << "seed " << seed_ << ", tensor " << i;
  }
}

TEST_F(TensorCopiesTest, a_staged_file_that_ends_too_early_is_a_problem_of_the_model) {
  drop_from_cache();
  TensorCopies copies;
  std::vector<at::Tensor> made;
  for (int64_t i = 0; i < 7; ++i) {
    made.push_back(at::zeros({kMiB}, at::kHalf));
    copies.add_staged(stored(i * kMiB, kMiB), made.back());
  }
  std::filesystem::resize_file(path(), 5 * kMiB);
  EXPECT_THROW(copies.run(), ModelError);
}

TEST_F(TensorCopiesTest, transposed_tensors_are_read_in_the_order_of_the_file) {
  drop_from_cache();
  const at::Tensor turned = stored(5, 1500 * 700).view({1500, 700}).t();
  ReadBuffer buffer;
  const at::Tensor read = buffer.read(turned);
  EXPECT_EQ(read.strides(), turned.strides());
  EXPECT_NE(read.const_data_ptr(), turned.const_data_ptr());
  EXPECT_TRUE(at::equal(read, values_.narrow(0, 5, 1500 * 700).view({1500, 700}).t()));
}

TEST_F(TensorCopiesTest, a_file_that_became_shorter_is_an_error_that_names_it) {
  for (const bool cached : {true, false}) {
    std::filesystem::resize_file(path(), values_.nbytes() / 2);
    if (!cached) drop_from_cache();
    const at::Tensor copy = at::empty_like(values_);
    TensorCopies copies;
    copies.add(stored(0, values_.numel()), copy);
    try {
      copies.run();
      FAIL() << "half a file was enough";
    } catch (const ModelError& error) {
      EXPECT_NE(std::string(error.what()).find(path()), std::string::npos) << error.what();
    }
  }
}

TEST_F(TensorCopiesTest, a_file_is_found_by_its_memory_for_as_long_as_it_is_mapped) {
  const std::byte* data = file_->data();
  const size_t size = file_->size();
  EXPECT_EQ(MappedFile::holding(data, size), file_);
  EXPECT_EQ(MappedFile::holding(data + size / 2, size / 2), file_);
  EXPECT_EQ(MappedFile::holding(data + size / 2, size), nullptr);
  EXPECT_EQ(MappedFile::holding(values_.const_data_ptr(), 1), nullptr);
  file_.reset();
  EXPECT_EQ(MappedFile::holding(data, size), nullptr);
}

}  // namespace
}  // namespace aieb::engine
