#include "reporters/server_report.h"

#include <array>
#include <utility>

#include "reporters/text_format.h"

namespace aieb {
namespace {

std::string percent(double share) { return number_text(100 * share) + " %"; }

std::string tokens_text(const std::optional<int64_t>& tokens, const char* direction) {
  return tokens ? count_text(*tokens) + " " + direction : "";
}

void add_load(const ServerTruth& s, std::vector<ServerRow>& rows) {
  if (s.mean_running) {
    std::string note = "at most " + number_text(*s.max_running);
    if (s.mean_waiting) {
      note +=
          "; waiting " + number_text(*s.mean_waiting) + ", at most " + number_text(*s.max_waiting);
    }
    rows.push_back({"running", number_text(*s.mean_running) + " requests", note});
  }
  if (s.max_kv_usage) {
    std::string note = "at most";
    if (s.preemptions) note += "; " + count_text(*s.preemptions) + " preemptions";
    rows.push_back({"KV cache", percent(*s.max_kv_usage), note});
  }
}

void add_tokens(const ServerTruth& s, const Results& r, std::vector<ServerRow>& rows) {
  const std::string out = tokens_text(s.output_tokens, "out");
  const std::string in = tokens_text(s.prompt_tokens, "in");
  if (out.empty() && in.empty()) return;
  const std::string ours_out = tokens_text(r.output_tokens, "out");
  const std::string ours_in = tokens_text(r.prompt_tokens, "in");
  const auto both = [](const std::string& a, const std::string& b) {
    return a.empty() || b.empty() ? a + b : a + ", " + b;
  };
  rows.push_back({"tokens", both(out, in), "in the answers: " + both(ours_out, ours_in)});
}

void add_latencies(const ServerTruth& s, std::vector<ServerRow>& rows) {
  constexpr std::array<std::pair<const char*, const char*>, 4> kLabels = {
      {{"ttft_s", "TTFT"}, {"itl_s", "inter-token"}, {"e2e_s", "latency"}, {"queue_s", "queued"}}};
  for (const auto& [key, label] : kLabels) {
    const auto it = s.latencies.find(key);
    if (it == s.latencies.end()) continue;
    std::string note;
    if (it->second.p50_s) note = "p50 about " + duration_text(*it->second.p50_s);
    if (it->second.p99_s) note += ", p99 about " + duration_text(*it->second.p99_s);
    rows.push_back({label, "mean " + duration_text(it->second.mean_s), note});
  }
}

}  // namespace

std::optional<ServerTruth> server_of(const Results& results) {
  const auto it = results.collected.find(kServerCollected);
  return it == results.collected.end() ? std::nullopt : server_truth_from(*it);
}

std::vector<ServerRow> server_rows(const Results& results) {
  std::vector<ServerRow> rows;
  const std::optional<ServerTruth> truth = server_of(results);
  if (!truth) return rows;
  const ServerTruth& s = *truth;
  add_load(s, rows);
  add_tokens(s, results, rows);
  if (s.prefix_hit_rate) {
    rows.push_back({"prefix cache", percent(*s.prefix_hit_rate), "of prompt tokens found in it"});
  }
  if (s.draft_acceptance) {
    rows.push_back({"drafts", percent(*s.draft_acceptance), "of drafted tokens accepted"});
  }
  add_latencies(s, rows);
  return rows;
}

Json server_json(const Results& results) {
  const auto it = results.collected.find(kServerCollected);
  if (!server_of(results)) return nullptr;
  Json out = *it;
  out["our_prompt_tokens"] = results.prompt_tokens ? Json(*results.prompt_tokens) : Json();
  out["our_output_tokens"] = results.output_tokens ? Json(*results.output_tokens) : Json();
  return out;
}

}  // namespace aieb
