#include "backends/vllm/body_cache.h"

#include <utility>

namespace aieb::server {

BodyCache::BodyCache(std::string model, const ServerProfile& profile, Notices& notices, bool keep)
    : model_(std::move(model)), profile_(profile), notices_(notices), keep_(keep) {}

Body BodyCache::write(size_t index, const Request& request, const std::string& salt,
                      const Dialect& dialect) {
  if (!keep_) return write_once(request, salt, dialect);
  if (!(dialect == dialect_)) kept_.clear();
  dialect_ = dialect;
  if (index >= kept_.size()) kept_.resize(index + 1);
  Body& kept = kept_[index];
  if (!kept) {
    kept = std::make_shared<const std::string>(
        request_body(request, model_, profile_, dialect, notices_));
  }
  if (salt.empty()) return kept;
  return std::make_shared<const std::string>(salted(*kept, salt, request, profile_));
}

Body BodyCache::write_once(const Request& request, const std::string& salt,
                           const Dialect& dialect) {
  const std::string body = request_body(request, model_, profile_, dialect, notices_);
  return std::make_shared<const std::string>(salted(body, salt, request, profile_));
}

}  // namespace aieb::server
