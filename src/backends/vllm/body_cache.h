#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/vllm/notices.h"
#include "backends/vllm/profile.h"
#include "backends/vllm/request_body.h"

namespace aieb::server {

/// A request as it is written to a server; shared by everything that sends the same one.
using Body = std::shared_ptr<const std::string>;

/// Writes the bodies of a workload's requests. Where requests are asked more than once, each is
/// written once in every dialect that is spoken, so that sending it again costs no JSON.
class BodyCache {
 public:
  /// `keep`: requests are asked more than once. The references must outlive this.
  BodyCache(std::string model, const ServerProfile& profile, Notices& notices, bool keep);

  /// The body of the workload's request number `index`, which `request` is.
  Body write(size_t index, const Request& request, const std::string& salt, const Dialect& dialect);

  /// The body of a request that is asked once.
  Body write_once(const Request& request, const std::string& salt, const Dialect& dialect);

 private:
  std::string model_;
  const ServerProfile& profile_;
  Notices& notices_;
  bool keep_;
  Dialect dialect_;  ///< of what is kept
  std::vector<Body> kept_;
};

}  // namespace aieb::server
