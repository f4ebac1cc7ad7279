#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace aieb::log {

enum class Level { kDebug, kInfo, kWarning, kError };

/// Receives every line; called from any thread, one call at a time.
using Sink = std::function<void(Level, std::string_view)>;

/// Replaces the sink. Without one, lines are dropped: the library itself never prints.
void set_sink(Sink sink);

/// Lines below `level` do not reach the sink. Default: kInfo.
void set_level(Level level);
[[nodiscard]] bool enabled(Level level);

void write(Level level, std::string_view text);
inline void debug(std::string_view text) { write(Level::kDebug, text); }
inline void info(std::string_view text) { write(Level::kInfo, text); }
inline void warning(std::string_view text) { write(Level::kWarning, text); }
inline void error(std::string_view text) { write(Level::kError, text); }

}  // namespace aieb::log
