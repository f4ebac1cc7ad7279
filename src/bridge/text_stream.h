#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bridge/tokenizer.h"

namespace aieb {

/// Turns ids into text as they arrive. A character that is spread over several tokens is held
/// back until it is complete, so every piece is valid UTF-8; the pieces together are what
/// `Tokenizer::decode` makes of all ids (for decoders that only look at neighbouring tokens, which
/// is all but the English clean-up of some old models).
class TextStream {
 public:
  /// Borrows the tokenizer, which must outlive the stream.
  explicit TextStream(const Tokenizer& tokenizer, bool skip_special_tokens = true)
      : tokenizer_(&tokenizer), skip_special_tokens_(skip_special_tokens) {}

  /// The text that became certain with this id; often empty.
  std::string add(uint32_t id);

  /// What was held back; an incomplete character comes out as U+FFFD. Ends the stream.
  std::string finish();

 private:
  std::string advance(bool last);

  const Tokenizer* tokenizer_;
  bool skip_special_tokens_;
  std::vector<uint32_t> ids_;  ///< a few ids already given out, for context, then the new ones
  size_t given_ = 0;           ///< how many of `ids_` are given out
};

}  // namespace aieb
