#include "engine/placement/shortage.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "engine/placement/places.h"

namespace aieb::engine {
namespace {

std::string number(double value, const char* unit) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 10 ? "%.2f %s" : "%.1f %s", value, unit);
  return text.data();
}

/// What would be free without the model.
int64_t room(const Shortage& s) { return s.free + (s.loaded ? s.weights : 0); }

/// Bytes that remain for keys and values beside the weights.
int64_t room_for_cache(const Shortage& s) { return room(s) - s.weights - s.staging; }

bool fits(const Shortage& s, double share) {
  return share * static_cast<double>(s.weights + s.staging) + static_cast<double>(s.cache) <=
         static_cast<double>(room(s));
}

std::string smaller_batch(const Shortage& s) {
  const int64_t left = room_for_cache(s);
  if (s.cache <= 0 || s.batch <= 0 || s.positions <= 0 || left <= 0) return "";
  const double per_row = static_cast<double>(s.cache) / static_cast<double>(s.batch);
  const auto rows = static_cast<int64_t>(static_cast<double>(left) / per_row);
  const auto positions =
      static_cast<int64_t>(static_cast<double>(left) * s.positions / static_cast<double>(s.cache));
  std::string text;
  if (rows >= 1 && rows < s.batch) text = "scenario.batch_size: " + std::to_string(rows);
  if (positions >= 1 && positions < s.positions) {
    text += std::string(text.empty() ? "" : ", or ") +
            "a scenario.generate_kwargs.max_new_tokens with which prompt and answer have at most " +
            std::to_string(positions) + " tokens";
  }
  return text;
}

std::string smaller_weights(const Shortage& s, bool quantised) {
  std::string text;
  for (const SmallerWeights& way : s.smaller) {
    if (way.quantised != quantised || !fits(s, way.share)) continue;
    const auto bytes = static_cast<int64_t>(std::ceil(way.share * static_cast<double>(s.weights)));
    text +=
        (text.empty() ? "" : ", or ") + way.setting + " (weights of " + memory_text(bytes) + ")";
  }
  return text;
}

std::string more_devices(const Shortage& s) {
  double sum = static_cast<double>(room(s));
  std::string names;
  for (const PlaceLimit& other : s.elsewhere) {
    sum += other.bytes;
    names += (names.empty() ? "" : ", ") + place_text(other.place) + " has " +
             memory_text(static_cast<int64_t>(other.bytes)) + " free";
  }
  const auto all = static_cast<double>(s.weights + s.staging + s.cache);
  if (names.empty() || all > sum) {
    return "backend.device_map: auto: what fits nowhere is read from disk for every token, which "
           "is "
           "very slow";
  }
  return "backend.device_map: auto (" + names +
         "; GPUs are listed in backend.device_ids, limits in backend.max_memory)";
}

std::string smaller_model(const Shortage& s) {
  if (s.parameters <= 0 || s.weights <= 0 || room(s) <= s.cache) return "";
  const double share = static_cast<double>(room(s) - s.cache) / static_cast<double>(s.weights);
  const double most = std::min(share, 1.0) * static_cast<double>(s.parameters);
  return "a model with at most " +
         (most >= 1e9 ? number(most / 1e9, "billion") : number(most / 1e6, "million")) +
         " parameters in this type";
}

std::string parts(const Shortage& s) {
  std::string text;
  const auto add = [&text](int64_t bytes, const std::string& what) {
    if (bytes > 0) text += (text.empty() ? "" : ", ") + memory_text(bytes) + " for " + what;
  };
  if (!s.loaded) add(s.weights, "weights");
  add(s.staging, "the largest offloaded part while it runs");
  add(s.cache, "the keys and values of " + std::to_string(s.batch) + " sequences of " +
                   std::to_string(s.positions) + " tokens");
  return text;
}

}  // namespace

std::string memory_text(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 0x1p30) return number(value / 0x1p30, "GiB");
  if (value >= 0x1p20) return number(value / 0x1p20, "MiB");
  return number(value / 0x1p10, "KiB");
}

std::string shortage_text(const Shortage& s) {
  const std::string where = place_text(s.place);
  std::string text = "out of memory on " + where + ": ";
  if (s.needed() > 0) {
    text += memory_text(s.needed()) + " are needed (" + parts(s) + "), ";
  }
  text += memory_text(s.free) + " are free";
  if (s.loaded) text += " beside weights of " + memory_text(s.weights);
  if (!s.detail.empty()) text += " (" + s.detail + ")";
  const std::array ways = {smaller_batch(s), smaller_weights(s, true), more_devices(s),
                           smaller_weights(s, false), smaller_model(s)};
  std::string list;
  for (const std::string& way : ways) {
    if (!way.empty()) list += "\n  " + way;
  }
  if (list.empty()) return text + "; nothing but more memory or a smaller model would do";
  return text + ". What would do:" + list;
}

}  // namespace aieb::engine
