#include "engine/checkpoint/tensor_copies.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <exception>
#include <future>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

#include "engine/kernels/cpu/huge_pages.h"

namespace aieb::engine {
namespace {

/// Bytes that one thread reads at a time.
constexpr size_t kPiece = size_t{2} << 20;
/// So many requests keep a disk busy, however few cores there are.
constexpr int kFewestThreads = 4;
constexpr int kMostThreads = 16;
/// Below this rate, measured over so many bytes, a second load from the system's cache is worth the
/// time and the memory that filling it takes.
constexpr double kSlowBytesPerSecond = 400e6;
constexpr size_t kRateBytes = size_t{256} << 20;
/// Pieces that are smaller cost a disk as much as the cache's reading ahead around them.
constexpr size_t kSmall = size_t{256} << 10;

/// A run of elements of one copy.
struct Piece {
  const MappedFile* file;
  size_t begin;  ///< in the file
  size_t end;
  at::ScalarType stored;
  at::ScalarType wanted;
  std::byte* into;
};

void convert(const Piece& piece, const std::byte* data) {
  if (piece.stored == piece.wanted) {
    std::memcpy(piece.into, data, piece.end - piece.begin);
    return;
  }
  // Below its grain ATen stays in this thread; above, it would start a team of threads in each.
  constexpr int64_t kSlice = at::internal::GRAIN_SIZE / 2;
  const size_t item = c10::elementSize(piece.stored);
  const size_t wide = c10::elementSize(piece.wanted);
  const auto count = static_cast<int64_t>((piece.end - piece.begin) / item);
  for (int64_t i = 0; i < count; i += kSlice) {
    const int64_t part = std::min(kSlice, count - i);
    auto* from = const_cast<std::byte*>(data) + static_cast<size_t>(i) * item;
    at::Tensor into = at::from_blob(piece.into + static_cast<size_t>(i) * wide, {part},
                                    at::TensorOptions(piece.wanted));
    into.copy_(at::from_blob(from, {part}, at::TensorOptions(piece.stored)));
  }
}

/// Threads that take one piece after the other.
class Readers {
 public:
  explicit Readers(const std::vector<Piece>& pieces) : pieces_(pieces) {}

  void run() {
    const size_t most = std::clamp(at::get_num_threads(), kFewestThreads, kMostThreads);
    {
      std::vector<std::jthread> others;
      for (size_t i = 1; i < std::min(most, pieces_.size()); ++i) {
        others.emplace_back([this] { work(); });
      }
      work();
    }
    if (problem_) std::rethrow_exception(problem_);
  }

 private:
  void work() {
    try {
      const auto memory = cpu::allocate_huge(kPiece + 2 * MappedFile::kBlock);
      const std::span buffer(memory.get(), kPiece + 2 * MappedFile::kBlock);
      for (size_t i = next_++; i < pieces_.size(); i = next_++) copy(pieces_[i], buffer);
    } catch (...) {
      next_ = pieces_.size();
      const std::scoped_lock lock(mutex_);
      if (!problem_) problem_ = std::current_exception();
    }
  }

  void copy(const Piece& piece, std::span<std::byte> buffer) {
    const size_t bytes = piece.end - piece.begin;
    if (bytes >= kSmall && !slow_disk_ && !piece.file->is_cached(piece.begin, piece.end)) {
      convert(piece, piece.file->read_past_cache(piece.begin, piece.end, buffer));
      note(bytes);
    } else if (piece.stored == piece.wanted) {
      piece.file->read(piece.begin, {piece.into, bytes});
    } else {
      piece.file->read(piece.begin, buffer.first(bytes));
      convert(piece, buffer.data());
    }
  }

  void note(size_t bytes) {
    const size_t before = from_disk_.fetch_add(bytes);
    if (before >= kRateBytes || before + bytes < kRateBytes) return;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    slow_disk_ = static_cast<double>(before + bytes) < kSlowBytesPerSecond * seconds.count();
  }

  const std::vector<Piece>& pieces_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::atomic<size_t> next_ = 0;
  std::atomic<size_t> from_disk_ = 0;
  std::atomic<bool> slow_disk_ = false;
  std::mutex mutex_;
  std::exception_ptr problem_;
};

}  // namespace

void TensorCopies::add(const at::Tensor& from, const at::Tensor& into) {
  TORCH_CHECK(from.sizes() == into.sizes() && from.is_contiguous() && into.is_contiguous(),
              "a stored tensor and its place differ");
  auto file = MappedFile::holding(from.const_data_ptr(), from.nbytes());
  if (file == nullptr) {
    into.copy_(from);
    return;
  }
  const auto* first = static_cast<const std::byte*>(from.const_data_ptr());
  const auto begin = static_cast<size_t>(first - file->data());
  copies_.push_back({from, into, std::move(file), begin});
}

void TensorCopies::add_staged(const at::Tensor& from, const at::Tensor& into,
                              const at::Tensor& order) {
  // What is no part of a file is in memory already, and must not stay there until the end.
  if (MappedFile::holding(from.const_data_ptr(), from.nbytes()) == nullptr) {
    into.copy_(ordered(from, order));
    return;
  }
  staged_.push_back({from, into, order});
}

void TensorCopies::run_staged() {
  const std::vector<Staged> staged = std::exchange(staged_, {});
  std::array<ReadBuffer, 2> buffers;
  std::future<at::Tensor> next;
  const auto begin_reading = [&](size_t i) {
    if (i == staged.size()) return;
    next = std::async(std::launch::async,
                      [&, i] { return buffers[i % buffers.size()].read(staged[i].from); });
  };
  begin_reading(0);
  for (size_t i = 0; i < staged.size(); ++i) {
    const at::Tensor read = next.get();
    begin_reading(i + 1);
    staged[i].into.copy_(ordered(read, staged[i].order));
  }
}

void TensorCopies::run() {
  run_staged();
  const std::vector<Copy> copies = std::exchange(copies_, {});
  std::vector<Piece> pieces;
  for (const Copy& copy : copies) {
    const size_t item = copy.from.element_size();
    const size_t wide = copy.into.element_size();
    const size_t last = copy.begin + copy.from.nbytes();
    auto* into = static_cast<std::byte*>(copy.into.mutable_data_ptr());
    // Borders at multiples of the piece: no block of the disk is read twice inside a tensor.
    for (size_t begin = copy.begin; begin < last;) {
      const size_t end = std::min(last, (begin / kPiece + 1) * kPiece);
      pieces.push_back({copy.file.get(), begin, end, copy.from.scalar_type(),
                        copy.into.scalar_type(), into + (begin - copy.begin) / item * wide});
      begin = end;
    }
  }
  std::ranges::sort(pieces, {}, [](const Piece& piece) {
    return std::pair<const std::string&, size_t>(piece.file->path(), piece.begin);
  });
  Readers(pieces).run();
}

at::Tensor ordered(const at::Tensor& tensor, const at::Tensor& order) {
  return tensor.defined() && order.defined() ? tensor.index_select(0, order) : tensor;
}

at::Tensor ReadBuffer::read(const at::Tensor& stored) {
  const size_t bytes = stored.nbytes();
  const bool in_file = MappedFile::holding(stored.const_data_ptr(), bytes) != nullptr;
  if (!in_file || bytes < kSmall || !stored.is_non_overlapping_and_dense()) return stored;
  if (bytes > size_) {
    size_ = bytes;
    memory_ = cpu::allocate_huge(size_);
  }
  const auto options = stored.options();
  TensorCopies copies;
  copies.add(stored.as_strided({stored.numel()}, {1}),
             at::from_blob(memory_.get(), {stored.numel()}, options));
  copies.run();
  return at::from_blob(memory_.get(), stored.sizes(), stored.strides(), options);
}

void prefetch(const at::Tensor& tensor) {
  if (!tensor.is_contiguous()) return;
  const auto file = MappedFile::holding(tensor.const_data_ptr(), tensor.nbytes());
  if (file == nullptr) return;
  const auto* first = static_cast<const std::byte*>(tensor.const_data_ptr());
  const auto begin = static_cast<size_t>(first - file->data());
  file->prefetch(begin, begin + tensor.nbytes());
}

}  // namespace aieb::engine
