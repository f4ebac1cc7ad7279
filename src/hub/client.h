#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "hub/cache.h"
#include "hub/http.h"
#include "hub/settings.h"

namespace aieb::hub {

/// The hub did not answer: no network, no such host, a timeout, a broken server. The only failure
/// that another source of the same files may stand in for.
class HubUnreachable : public EnvironmentError {
 public:
  explicit HubUnreachable(const std::string& message) : EnvironmentError(message) {}
};

struct RemoteFile {
  std::string name;  ///< path inside the repository
  std::optional<int64_t> size;
};

struct Listing {
  std::string commit;
  std::vector<RemoteFile> files;

  [[nodiscard]] bool has(const std::string& name) const;
};

/// What a file's headers say.
struct FileFacts {
  std::string etag;      ///< SHA-256 of files in large storage, else a git id
  std::string location;  ///< where the bytes are; may be another host, and expires
  int64_t size = 0;
};

/// The hub's documented endpoints. For one thread at a time. Every failure is an Error that says
/// what to do; tokens go to the hub's own host only and never into a message.
class HubClient {
 public:
  explicit HubClient(const HubSettings& settings) : settings_(settings) {}

  Listing list(const Repo& repo);
  FileFacts facts(const Repo& repo, const std::string& file);

  /// Up to three existing repositories with a similar name.
  std::vector<std::string> similar(const Repo& repo);

  /// A GET of `url`, with the token exactly when it is the hub's own.
  [[nodiscard]] HttpRequest get(const std::string& url) const;

  [[nodiscard]] std::string file_url(const Repo& repo, const std::string& file) const;

 private:
  HttpResponse perform(const HttpRequest& request);
  [[noreturn]] void refuse(const HttpResponse& response, const Repo& repo, const std::string& file);

  HubSettings settings_;
  HttpConnection connection_;
};

}  // namespace aieb::hub
