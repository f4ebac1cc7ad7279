#include "runner/sweep_search.h"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <random>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"

namespace aieb {
namespace {

using Meets = std::function<bool(double)>;

uint64_t test_seed() {
  const char* given = std::getenv("AIEB_TEST_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "AIEB_TEST_SEED=" << seed << '\n';
  return seed;
}

struct Searched {
  SearchStep end;
  std::vector<SearchProbe> probes;
};

Searched search(const SearchRange& range, const Meets& meets) {
  Searched out;
  for (;;) {
    out.end = next_search_step(range, out.probes);
    if (out.end.state != SearchState::kProbe) return out;
    EXPECT_GE(out.end.next, range.low);
    EXPECT_LE(out.end.next, range.high);
    out.probes.push_back({out.end.next, meets(out.end.next)});
    if (out.probes.size() > 1000) throw std::runtime_error("the search has no end");
  }
}

SearchRange rates(double low, double high) {
  return {.key = "scenario.load.request_rate", .low = low, .high = high};
}

SearchRange whole_numbers(double low, double high) {
  return {.key = "scenario.load.concurrency", .low = low, .high = high, .whole = true};
}

TEST(SweepSearch, finds_any_limit_of_a_steady_server_within_the_tolerance) {
  Random random(test_seed());
  for (int i = 0; i < 500; ++i) {
    const double low = std::exp(random.uniform() * 6 - 3);
    const SearchRange range = rates(low, low * (2 + 500 * random.uniform()));
    const double limit = low + (range.high - low) * random.uniform();
    const Searched s = search(range, [&](double load) { return load <= limit; });
    if (s.end.state == SearchState::kAllMet) {
      EXPECT_GE(limit, range.high);
      continue;
    }
    ASSERT_EQ(s.end.state, SearchState::kFound) << low << " " << limit;
    EXPECT_LE(*s.end.met, limit);
    EXPECT_GT(*s.end.missed, limit);
    EXPECT_LE(*s.end.missed - *s.end.met, range.tolerance * *s.end.met * 1.0001);
    EXPECT_TRUE(s.end.met_above_missed.empty());
    EXPECT_LE(s.probes.size(), 20U);
  }
}

TEST(SweepSearch, finds_the_exact_concurrency) {
  for (int limit = 1; limit < 200; ++limit) {
    SearchRange range = whole_numbers(1, 200);
    range.tolerance = 1e-9;
    const Searched s = search(range, [&](double load) {
      EXPECT_EQ(load, std::floor(load));
      return load <= limit;
    });
    ASSERT_EQ(s.end.state, SearchState::kFound);
    EXPECT_EQ(*s.end.met, limit);
    EXPECT_EQ(*s.end.missed, limit + 1);
  }
}

TEST(SweepSearch, measures_its_answer_twice_and_one_load_above) {
  const Searched s = search(whole_numbers(1, 64), [](double load) { return load <= 10; });
  int at_answer = 0;
  int above = 0;
  for (const SearchProbe& p : s.probes) {
    at_answer += p.load == *s.end.met;
    above += p.load > *s.end.missed;
  }
  EXPECT_EQ(at_answer, 2);
  EXPECT_GE(above, 1);
}

TEST(SweepSearch, says_when_the_whole_range_misses_or_meets) {
  const Searched none = search(rates(5, 50), [](double) { return false; });
  EXPECT_EQ(none.end.state, SearchState::kNoneMet);
  EXPECT_EQ(none.probes.size(), 1U);
  const Searched all = search(rates(5, 50), [](double) { return true; });
  EXPECT_EQ(all.end.state, SearchState::kAllMet);
  EXPECT_EQ(*all.end.met, 50);
}

TEST(SweepSearch, ends_with_noise_and_answers_below_every_miss) {
  Random random(test_seed());
  for (int i = 0; i < 300; ++i) {
    const double limit = 2 + 90 * random.uniform();
    // Near the limit a load meets by chance, ever more rarely above.
    const Searched s = search(rates(1, 100), [&](double load) {
      return random.uniform() < 1 / (1 + std::exp((load - limit) / (0.1 * limit)));
    });
    for (const SearchProbe& p : s.probes) {
      if (s.end.met && !p.met) {
        EXPECT_GT(p.load, *s.end.met);
      }
    }
    if (s.end.state == SearchState::kFound) {
      EXPECT_LT(*s.end.met, *s.end.missed);
    }
  }
}

TEST(SweepSearch, a_lucky_pass_is_taken_back) {
  bool first = true;
  const Searched s = search(whole_numbers(1, 64), [&first](double load) {
    if (load != 12) return load <= 10;
    return std::exchange(first, false);
  });
  EXPECT_EQ(s.end.state, SearchState::kFound);
  EXPECT_EQ(*s.end.met, 10);
}

TEST(SweepSearch, notices_goodput_that_comes_back_at_higher_loads) {
  // 1, 2 and 4 meet, 8 misses, 5 is the answer: 9 is tried because it is above all of these.
  const SearchRange range = whole_numbers(1, 64);
  const Searched s = search(range, [](double load) { return load <= 5 || load >= 9; });
  ASSERT_EQ(s.end.state, SearchState::kFound);
  EXPECT_EQ(*s.end.met, 5);
  EXPECT_EQ(s.end.met_above_missed, std::vector<double>{9});
  EXPECT_NE(search_sentence(range, s.end, 0.95).find("does not fall steadily"), std::string::npos);
}

TEST(SweepSearch, goes_on_from_the_same_probes_in_any_order) {
  Random random(test_seed());
  const Searched whole = search(rates(1, 100), [](double load) { return load <= 37.5; });
  for (size_t n = 0; n < whole.probes.size(); ++n) {
    std::vector<SearchProbe> part(whole.probes.begin(), whole.probes.begin() + n);
    for (size_t i = part.size(); i > 1; --i) std::swap(part[i - 1], part[random.below(i)]);
    EXPECT_EQ(next_search_step(rates(1, 100), part).next, whole.probes[n].load);
  }
}

TEST(SweepSearch, stops_when_its_points_are_spent) {
  SearchRange range = rates(1, 1e9);
  range.max_probes = 4;
  const Searched s = search(range, [](double) { return true; });
  EXPECT_EQ(s.end.state, SearchState::kOutOfProbes);
  EXPECT_EQ(s.probes.size(), 4U);
  EXPECT_EQ(*s.end.met, 8);
}

TEST(SweepSearch, reads_its_range_and_refuses_what_is_none) {
  const SearchRange range = parse_search_range("scenario.load.request_rate=0.5..20");
  EXPECT_EQ(range.low, 0.5);
  EXPECT_EQ(range.high, 20);
  EXPECT_FALSE(range.whole);
  EXPECT_TRUE(parse_search_range("scenario.load.concurrency=1..256").whole);
  for (const char* word :
       {"scenario.load.request_rate", "scenario.load.request_rate=5", "scenario.seed=1..5",
        "scenario.load.request_rate=0..5", "scenario.load.request_rate=5..5",
        "scenario.load.request_rate=a..5", "scenario.load.concurrency=1..2.5",
        "scenario.load.request_rate=1..inf", "scenario.load.request_rate=1...5x"}) {
    EXPECT_THROW(parse_search_range(word), ConfigError) << word;
  }
}

}  // namespace
}  // namespace aieb
