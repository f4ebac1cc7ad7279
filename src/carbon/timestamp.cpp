#include "carbon/timestamp.h"

#include <charconv>
#include <chrono>

namespace aieb {
namespace {

constexpr int64_t kSecond_ns = 1'000'000'000;
/// 1973 to 5138: fewer digits are no time of a grid's data, more are milliseconds.
constexpr double kLeastEpoch_s = 1e8;
constexpr double kMostEpoch_s = 1e11;

/// Reads a text from its beginning.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Exactly `digits` digits.
  std::optional<int> number(size_t digits) {
    if (text_.size() < digits) return std::nullopt;
    int value = 0;
    const char* end = text_.data() + digits;
    const auto [stop, error] = std::from_chars(text_.data(), end, value);
    if (error != std::errc() || stop != end || text_.front() == '-') return std::nullopt;
    text_.remove_prefix(digits);
    return value;
  }

  bool take(std::string_view any_of) {
    if (text_.empty() || any_of.find(text_.front()) == std::string_view::npos) return false;
    taken_ = text_.front();
    text_.remove_prefix(1);
    return true;
  }

  /// Digits after the point, as ns.
  std::optional<int64_t> fraction_ns() {
    int64_t value = 0;
    int64_t unit = kSecond_ns;
    size_t digits = 0;
    while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') {
      unit /= 10;
      value += unit * (text_[digits++] - '0');
    }
    text_.remove_prefix(digits);
    return digits > 0 ? std::optional(value) : std::nullopt;
  }

  [[nodiscard]] char taken() const { return taken_; }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
  char taken_ = 0;
};

/// "Z", "+01:00", "+0100", "+01", " UTC" or nothing: the zone's offset.
struct Zone {
  int64_t offset_s = 0;
  bool given = false;
};

std::optional<Zone> read_zone(Scanner& in) {
  if (in.at_end()) return Zone{};
  if (in.take(" ")) {
    const bool utc = in.take("U") && in.take("T") && in.take("C");
    return utc && in.at_end() ? std::optional(Zone{0, true}) : std::nullopt;
  }
  if (in.take("Zz")) return in.at_end() ? std::optional(Zone{0, true}) : std::nullopt;
  if (!in.take("+-")) return std::nullopt;
  const int64_t sign = in.taken() == '-' ? -1 : 1;
  const auto hours = in.number(2);
  in.take(":");
  const auto minutes = in.at_end() ? std::optional(0) : in.number(2);
  if (!hours || !minutes || *hours > 14 || *minutes > 59 || !in.at_end()) return std::nullopt;
  return Zone{sign * (*hours * 3600 + *minutes * 60), true};
}

std::optional<int64_t> read_day_s(Scanner& in) {
  const auto year = in.number(4);
  if (!year || !in.take("-")) return std::nullopt;
  const auto month = in.number(2);
  if (!month || !in.take("-")) return std::nullopt;
  const auto day = in.number(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * int64_t{86400};
}

std::optional<int64_t> read_time_ns(Scanner& in) {
  const auto hour = in.number(2);
  if (!hour || *hour > 23 || !in.take(":")) return std::nullopt;
  const auto minute = in.number(2);
  if (!minute || *minute > 59) return std::nullopt;
  int64_t ns = (*hour * 3600 + *minute * 60) * kSecond_ns;
  if (!in.take(":")) return ns;
  const auto second = in.number(2);
  if (!second || *second > 60) return std::nullopt;
  ns += *second * kSecond_ns;
  if (!in.take(".,")) return ns;
  const auto fraction = in.fraction_ns();
  return fraction ? std::optional(ns + *fraction) : std::nullopt;
}

std::optional<Timestamp> read_iso(std::string_view text) {
  Scanner in(text);
  const auto day_s = read_day_s(in);
  if (!day_s || !in.take("Tt ")) return std::nullopt;
  const auto time_ns = read_time_ns(in);
  if (!time_ns) return std::nullopt;
  const auto zone = read_zone(in);
  if (!zone) return std::nullopt;
  return Timestamp{(*day_s - zone->offset_s) * kSecond_ns + *time_ns, zone->given};
}

std::optional<Timestamp> read_epoch(std::string_view text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  if (!(value >= kLeastEpoch_s && value < kMostEpoch_s)) return std::nullopt;
  return Timestamp{static_cast<int64_t>(value * 1e3) * 1'000'000, true};
}

}  // namespace

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  const auto iso = read_iso(text);
  return iso ? iso : read_epoch(text);
}

}  // namespace aieb
