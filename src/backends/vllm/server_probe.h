#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backends/vllm/notices.h"
#include "backends/vllm/profile.h"
#include "core/json.h"
#include "http/client.h"
#include "http/url.h"

namespace aieb::server {

/// What a server says of itself.
struct ServerFacts {
  std::vector<std::string> models;  ///< ids; empty: the server does not list them
  std::optional<int64_t> max_model_len;
  std::string version;
  std::string address;  ///< IP that answered; empty for a Unix socket
};

/// Asks the server for its health and models. Throws ServerError that names the endpoint, what was
/// tried and what to do, when it does not answer, is not healthy, asks for a key, or serves other
/// models than `model`; Stopped as `Client::fetch`.
ServerFacts probe_server(http::Client& client, const http::Endpoint& endpoint,
                         const ServerProfile& profile, const std::string& model, Notices& notices);

/// The name in `names` that is most like `wanted`: same without case, same last path part, one
/// inside the other, else the smallest edit distance. Empty when `names` is.
std::string most_like(const std::string& wanted, const std::vector<std::string>& names);

}  // namespace aieb::server
