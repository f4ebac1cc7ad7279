#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"

namespace aieb::http {

class Transfer;

/// A time at which a transfer's limit is to be looked at; the limit may have moved on by then.
struct Deadline {
  int64_t at_ns;
  Transfer* transfer;
  uint64_t generation;
  bool operator>(const Deadline& other) const { return at_ns > other.at_ns; }
};
using Deadlines = std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>>;

/// What all transfers of a client write to.
struct TransferShared {
  Deadlines deadlines;
  ClientCounts counts;
  std::exception_ptr failure;  ///< thrown by an exchange; the client throws it again when it can
};

/// An exchange under way: what its two carriers, libcurl and our own connections, have in common.
/// Used again for the next exchange. Internal to the client.
class Transfer {
 public:
  virtual ~Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Takes it off its carrier, free for the next exchange. A connection whose answer is not whole
  /// is closed.
  virtual void stop() = 0;

  /// When the limit that applies now is reached, and which one it is.
  struct Limit {
    int64_t at_ns;
    ErrorClass error;
  };
  [[nodiscard]] Limit limit() const;

  /// Has the client look at `limit` when it is reached. Called at every stage that begins one.
  void watch_limit();

  [[nodiscard]] Outcome outcome(ErrorClass error, std::string message) const;
  [[nodiscard]] Outcome limit_outcome(ErrorClass error) const;

  [[nodiscard]] Exchange& exchange() const { return *exchange_; }

  size_t index = 0;         ///< place among the client's open transfers
  uint64_t generation = 0;  ///< counts exchanges, so that an old deadline is recognised

 protected:
  explicit Transfer(TransferShared& shared) : shared_(shared) {}

  void begin_exchange(const HttpRequest& request, Exchange& exchange, const Timeouts& timeouts);

  /// The request is about to be written. False: the exchange threw, and is to end.
  bool announce_sent(std::string_view peer);
  bool announce_response(int status, std::string_view content_type);
  /// Hands on what was read. `arrival`: by the kernel's stamps; zeros: not known. False: the
  /// exchange wants no more of the body.
  bool announce_body(std::string_view bytes, Arrival arrival);

  [[nodiscard]] bool was_sent() const { return sent_ns_ != 0; }
  [[nodiscard]] bool had_enough() const { return enough_; }

  TransferShared& shared_;

 private:
  [[nodiscard]] Arrival time_read(Arrival arrival);
  template <typename Call>
  bool guarded(Call&& call);

  Exchange* exchange_ = nullptr;
  Timeouts timeouts_;
  bool own_total_ = false;  ///< the request's, not a setting
  int64_t started_ns_ = 0;
  int64_t sent_ns_ = 0;      ///< 0: not yet
  int64_t last_ns_ = 0;      ///< of the last read, else of sending
  int64_t complete_ns_ = 0;  ///< 0: the exchange expects more
  int sends_ = 0;
  int status_ = 0;
  bool enough_ = false;
  std::string peer_;
};

}  // namespace aieb::http
