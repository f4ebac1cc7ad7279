#include "backends/vllm/notices.h"

#include "core/clock.h"
#include "core/log.h"

namespace aieb::server {

void Notices::add(const std::string& text) {
  if (!seen_.insert(text).second) return;
  all_.push_back(text);
  log::warning(text);
  if (sink_ == nullptr) return;
  emit(text);
  emitted_ = all_.size();
}

void Notices::attach(EventSink* sink) {
  sink_ = sink;
  for (; emitted_ < all_.size(); ++emitted_) emit(all_[emitted_]);
}

void Notices::emit(const std::string& text) const {
  sink_->event({now_ns(), "warning", Json{{"text", text}}});
}

}  // namespace aieb::server
