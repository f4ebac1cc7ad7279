#include "bridge/text_stream.h"

#include <span>
#include <string_view>

namespace aieb {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string TextStream::add(uint32_t id) {
  ids_.push_back(id);
  return advance(false);
}

std::string TextStream::finish() {
  std::string rest = advance(true);
  ids_.clear();
  given_ = 0;
  return rest;
}

std::string TextStream::advance(bool last) {
  const std::span<const uint32_t> ids(ids_);
  const std::string before = tokenizer_->decode(ids.first(given_), skip_special_tokens_);
  const std::string now = tokenizer_->decode(ids, skip_special_tokens_);
  if (now.size() <= before.size()) return {};
  if (!last && now.ends_with(kReplacement)) return {};
  // A decoder may read the context differently once more ids follow; never cut a character.
  size_t start = before.size();
  while (start < now.size() && continues_character(now[start])) ++start;
  std::string piece = now.substr(start);
  // The ids just given out are the context of the next piece; what came before is not needed.
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(given_));
  given_ = ids_.size();
  return piece;
}

}  // namespace aieb
