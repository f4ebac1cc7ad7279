#include "cli/progress_line.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

constexpr size_t kPhaseWidth = 14;
constexpr size_t kBarWidth = 24;
constexpr size_t kNarrowBarWidth = 10;  ///< leaves room for the sparkline in 80 columns
constexpr size_t kWideLine = 96;

/// "0:07", "12:05", "1:02:03".
std::string clock_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string bar(double fraction, size_t width) {
  const double cells = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(width);
  const auto full = static_cast<size_t>(cells);
  std::string out;
  for (size_t i = 0; i < width; ++i) out += i < full ? "█" : "░";
  return out;
}

/// Share of the phase that is over; absent when nobody knows how long it takes.
std::optional<double> fraction(const Progress& p) {
  if (p.prompts_total > 0) {
    return static_cast<double>(p.prompts_done + p.prompts_failed) /
           static_cast<double>(p.prompts_total);
  }
  if (p.elapsed_s && p.remaining_s && *p.elapsed_s + *p.remaining_s > 0) {
    return *p.elapsed_s / (*p.elapsed_s + *p.remaining_s);
  }
  return std::nullopt;
}

std::string failed_text(const Progress& p) {
  return p.prompts_failed > 0 ? fmt::format(" ({} failed)", p.prompts_failed) : "";
}

/// A part of the live line, and what takes its place where it does not fit.
struct Part {
  std::string text;
  std::string shorter;
};

/// Parts of the live line after the bar, the most important first.
std::vector<Part> bar_parts(const Progress& p, std::span<const double> watts) {
  std::vector<Part> out;
  if (!p.detail.empty()) out.push_back({p.detail, ""});
  if (const int64_t over = p.prompts_done + p.prompts_failed; p.prompts_total > 0) {
    out.push_back({fmt::format("{}/{}{}", over, p.prompts_total, failed_text(p)), ""});
  } else if (over > 0) {
    out.push_back({fmt::format("{} prompts{}", over, failed_text(p)), ""});
  }
  if (p.remaining_s) {
    out.push_back({clock_text(*p.remaining_s) + " left", ""});
  } else if (p.elapsed_s) {
    out.push_back({clock_text(*p.elapsed_s), ""});
  }
  if (p.watts) {
    const std::string now = fmt::format("{:.0f} W", *p.watts);
    out.push_back(watts.size() > 1 ? Part{sparkline(watts) + " " + now, now} : Part{now, ""});
  }
  if (p.tokens_per_s) out.push_back({number_text(*p.tokens_per_s) + " tokens/s", ""});
  return out;
}

}  // namespace

std::string sparkline(std::span<const double> values) {
  constexpr std::array kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string out;
  if (values.empty()) return out;
  const double most = std::ranges::max(values);
  for (const double value : values) {
    const double part = most > 0 ? std::clamp(value / most, 0.0, 1.0) : 0;
    const double top = static_cast<double>(kBlocks.size() - 1);
    out += kBlocks.at(static_cast<size_t>(part * top + 0.5));
  }
  return out;
}

std::string progress_bar(const Progress& progress, size_t width, std::span<const double> watts) {
  std::string out = padded(progress.phase, kPhaseWidth);
  if (const auto done = fraction(progress)) {
    const size_t cells = width >= kWideLine ? kBarWidth : kNarrowBarWidth;
    if (display_width(out) + 2 + cells <= width) out += "  " + bar(*done, cells);
  }
  const auto fits = [&](const std::string& text) {
    return display_width(out) + 2 + display_width(text) <= width;
  };
  for (const Part& part : bar_parts(progress, watts)) {
    const std::string& text = fits(part.text) || part.shorter.empty() ? part.text : part.shorter;
    if (!fits(text)) break;
    out += "  " + text;
  }
  return out;
}

std::string progress_sentence(const Progress& p) {
  std::string out = p.phase + ":";
  const auto add = [&out](const std::string& part) {
    out += (out.ends_with(':') ? " " : ", ") + part;
  };
  if (!p.detail.empty()) add(p.detail);
  if (const int64_t over = p.prompts_done + p.prompts_failed; p.prompts_total > 0) {
    add(fmt::format("{} of {} prompts{}", over, p.prompts_total, failed_text(p)));
  } else if (over > 0) {
    add(fmt::format("{} prompts{}", over, failed_text(p)));
  }
  if (p.tokens_per_s) add(number_text(*p.tokens_per_s) + " tokens/s");
  if (p.watts) add(fmt::format("{:.0f} W", *p.watts));
  if (p.remaining_s) {
    add(duration_text(*p.remaining_s) + " left");
  } else if (p.elapsed_s) {
    add("since " + duration_text(*p.elapsed_s));
  }
  return out;
}

}  // namespace aieb::cli
