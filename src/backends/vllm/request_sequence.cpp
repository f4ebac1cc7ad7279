#include "backends/vllm/request_sequence.h"

#include <limits>

#include <fmt/format.h>

#include "core/clock.h"

namespace aieb::server {

RequestSequence::RequestSequence(const Workload& workload)
    : requests_(workload.requests), load_(workload.load), nonce_(fmt::format("{:x}", wall_ns())) {
  for (size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i].turn == 0) heads_.push_back(i);
  }
  size_ = load_.repeat ? std::numeric_limits<size_t>::max() : heads_.size();
  if (load_.repeat && load_.max_requests) size_ = static_cast<size_t>(*load_.max_requests);
  if (!load_.arrivals_ns.empty()) size_ = load_.arrivals_ns.size();
  if (heads_.empty()) size_ = 0;
}

std::optional<size_t> RequestSequence::positions() const {
  if (size_ == 0) return 0;
  if (load_.repeat && load_.duration_ns) return std::nullopt;
  return size_ % heads_.size() == 0 ? size_ / heads_.size() * requests_.size() : head(size_);
}

std::optional<int64_t> RequestSequence::arrival_ns(size_t k) const {
  if (load_.arrivals_ns.empty()) return std::nullopt;
  return load_.arrivals_ns[k];
}

size_t RequestSequence::head(size_t k) const {
  return k / heads_.size() * requests_.size() + heads_[k % heads_.size()];
}

bool RequestSequence::has_next_turn(size_t position) const {
  const size_t next = position % requests_.size() + 1;
  return next < requests_.size() && requests_[next].turn > 0;
}

int64_t RequestSequence::id(size_t position) const {
  if (position < requests_.size()) return requests_[position].id;
  return load_.first_repeat_id + static_cast<int64_t>(position - requests_.size());
}

std::string RequestSequence::session(size_t position) const {
  const size_t round = position / requests_.size();
  const std::string& session = request(position).session;
  return session.empty() || round == 0 ? session : fmt::format("{}-round-{}", session, round);
}

std::string RequestSequence::salt(size_t position) const {
  const size_t round = position / requests_.size();
  if (round > 0) return load_.salt_repeats ? fmt::format("{}-round-{}", nonce_, round) : "";
  const std::string& salt = requests_[position].cache_salt;
  return salt.empty() ? "" : fmt::format("{}-{}", nonce_, salt);
}

}  // namespace aieb::server
