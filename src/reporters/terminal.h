#pragma once

#include <string>
#include <string_view>

#include "core/results.h"

namespace aieb {

/// How text for a person is laid out.
struct TerminalStyle {
  bool color = false;  ///< ANSI colours
  size_t width = 100;  ///< columns; longer text is wrapped
};

enum class Tone { kPlain, kBold, kDim, kGood, kBad, kWarning };

/// `text` in the colour of `tone`; unchanged without colours.
std::string toned(std::string_view text, Tone tone, const TerminalStyle& style);

/// The table at the end of a run: what was asked, how fast, how much energy and where the files
/// are.
std::string terminal_report(const Results& results, const TerminalStyle& style);

}  // namespace aieb
