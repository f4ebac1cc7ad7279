#include "engine/generate/stepper.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include "engine/generate/logits.h"

namespace aieb::engine {
namespace {

/// Recorded steps read the cache in whole blocks: one recording a block, and little is read in
/// vain.
constexpr int64_t kKeysBlock = 256;
constexpr int64_t kLongKeysBlock = 1024;
constexpr int64_t kLongFrom = 4096;

int64_t round_up(int64_t value, int64_t block) { return (value + block - 1) / block * block; }

int64_t keys_block(int64_t length) { return length < kLongFrom ? kKeysBlock : kLongKeysBlock; }

at::Tensor to_device(const std::vector<int64_t>& values, at::IntArrayRef shape, at::Device device) {
  return at::tensor(values, at::kLong).view(shape).to(device);
}

}  // namespace

Stepper::Stepper(Decoder& decoder, StepGraphMaker make_graph)
    : decoder_(decoder), make_graph_(std::move(make_graph)) {}

void Stepper::begin(const std::vector<int64_t>& starts, int64_t capacity) {
  const auto batch = static_cast<int64_t>(starts.size());
  if (cache_.batch != batch || cache_.capacity < capacity) {
    recordings_.clear();  // they point into the cache
    cache_ = {};
    cache_ = decoder_.make_cache(batch, round_up(capacity, keys_block(capacity)));
    const auto options = at::TensorOptions().dtype(at::kLong).device(decoder_.device());
    tokens_ = at::zeros({batch, 1}, options);
    index_ = at::zeros({1}, options);
    best_ = at::zeros({batch}, options);
  }
  ahead_ = false;
  arrivals_.clear();
  cache_.reset(starts);
}

at::Tensor Stepper::restart(const std::vector<int64_t>& tokens) {
  ahead_ = false;
  arrivals_.clear();
  cache_.length = 0;
  const auto length = static_cast<int64_t>(tokens.size()) / cache_.batch;
  return decoder_.forward(to_device(tokens, {cache_.batch, length}, decoder_.device()), cache_);
}

at::Tensor Stepper::step(const std::vector<int64_t>& tokens) {
  if (!has_recordable_step()) {
    return decoder_.forward(to_device(tokens, {cache_.batch, 1}, decoder_.device()), cache_);
  }
  load_step(tokens);
  return run_recordable();
}

std::vector<int64_t> Stepper::greedy_step(const std::vector<int64_t>& tokens, bool another) {
  if (!ahead_) {
    load_step(tokens);
    run_recordable();
    fetch_best();
  }
  // Recording takes the host some milliseconds, in which no token must wait.
  const auto next = recordings_.find({keys_for(cache_.length), cache_.is_padded()});
  ahead_ = another && next != recordings_.end() && next->second.graph;
  if (ahead_) {
    run_recordable();
    fetch_best();
  }
  return await_best();
}

int64_t Stepper::keys_for(int64_t length) const {
  if (!make_graph_ || length >= cache_.capacity) return 0;
  const int64_t keys = std::min({round_up(length + 1, keys_block(length)), cache_.capacity,
                                 decoder_.recordable_keys(cache_.batch)});
  return keys > length ? keys : 0;
}

void Stepper::load_step(const std::vector<int64_t>& tokens) {
  tokens_.copy_(at::tensor(tokens, at::kLong).unsqueeze(1));
  index_.fill_(cache_.length);
}

at::Tensor Stepper::run_recordable() {
  const int64_t keys = keys_for(cache_.length);
  ++cache_.length;
  auto [entry, fresh] = recordings_.try_emplace({keys, cache_.is_padded()});
  Recording& recording = entry->second;
  const auto body = [this, &recording, keys] {
    recording.logits = decoder_.forward_recordable(tokens_, index_, keys, cache_);
    at::argmax_out(best_, recording.logits, -1);
    tokens_.copy_(best_.unsqueeze(1));
    index_.add_(1);
  };
  if (fresh) {  // this step prepares what must exist before recording
    body();
    return recording.logits;
  }
  if (!recording.graph) record(recording, body);
  if (recording.graph) {
    recording.graph->replay();
  } else {
    body();
  }
  return recording.logits;
}

void Stepper::record(Recording& recording, const std::function<void()>& body) {
  auto graph = make_graph_();
  try {
    graph->capture(body);
    recording.graph = std::move(graph);
  } catch (const c10::Error& error) {
    recording_problem_ = error.what_without_backtrace();
    make_graph_ = {};
  }
}

void Stepper::fetch_best() {
  Arrival arrival;
  if (!best_.is_cuda()) {
    arrival.tokens = best_.clone();
  } else {
    arrival.tokens =
        at::empty({cache_.batch}, at::TensorOptions().dtype(at::kLong).pinned_memory(true));
    arrival.tokens.copy_(best_, /*non_blocking=*/true);
    const c10::impl::VirtualGuardImpl device(best_.device().type());
    arrival.copied.emplace(best_.device().type());
    arrival.copied->record(device.getStream(best_.device()));
  }
  arrivals_.push_back(std::move(arrival));
}

std::vector<int64_t> Stepper::await_best() {
  const Arrival arrival = std::move(arrivals_.front());
  arrivals_.pop_front();
  if (arrival.copied) arrival.copied->synchronize();
  const auto* first = arrival.tokens.const_data_ptr<int64_t>();
  return {first, first + cache_.batch};
}

}  // namespace aieb::engine
