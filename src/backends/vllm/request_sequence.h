#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/request.h"

namespace aieb::server {

/// The requests of a workload as the driver begins them: conversations (a single prompt is one of
/// one turn) in their order, repeated where the load says so. A *position* names one request:
/// position p asks what request p mod N asks, N being the number of requests.
class RequestSequence {
 public:
  /// `workload` must outlive this. Throws nothing; an empty workload is an empty sequence.
  explicit RequestSequence(const Workload& workload);

  /// Number of conversations; a load that repeats without a limit has the largest size_t.
  [[nodiscard]] size_t size() const { return size_; }
  /// Whether requests are asked more than once.
  [[nodiscard]] bool repeats() const { return size_ > heads_.size(); }
  /// Number of requests; absent when the time decides how many there are.
  [[nodiscard]] std::optional<size_t> positions() const;

  /// Position of the first turn of the k-th conversation.
  [[nodiscard]] size_t head(size_t k) const;

  /// Whether the request after this one is the next turn of its conversation.
  [[nodiscard]] bool has_next_turn(size_t position) const;

  [[nodiscard]] const Request& request(size_t position) const {
    return requests_[position % requests_.size()];
  }
  /// Of the workload's requests, which one it is.
  [[nodiscard]] size_t index(size_t position) const { return position % requests_.size(); }
  /// Intended start after the beginning: of the k-th conversation of an open loop.
  [[nodiscard]] std::optional<int64_t> arrival_ns(size_t k) const;
  [[nodiscard]] int64_t id(size_t position) const;
  /// Conversation id, another one each time round; empty for single prompts.
  [[nodiscard]] std::string session(size_t position) const;
  /// Empty, or a salt that no other round and no other run has.
  [[nodiscard]] std::string salt(size_t position) const;

 private:
  const std::vector<Request>& requests_;
  const LoadPlan& load_;
  std::string nonce_;          ///< of this run
  std::vector<size_t> heads_;  ///< indices of first turns
  size_t size_ = 0;
};

}  // namespace aieb::server
