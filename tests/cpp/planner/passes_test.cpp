#include "runner/passes.h"

#include <set>

#include <gtest/gtest.h>

namespace aieb {
namespace {

Workload three_requests() {
  Workload workload;
  for (int i = 0; i < 3; ++i) {
    Request request;
    request.id = request.prompt_index = i;
    request.session = i == 2 ? "talk" : "";
    workload.requests.push_back(request);
  }
  return workload;
}

TEST(Passes, the_first_keeps_its_ids_and_repeats_of_the_backend_come_after_all_others) {
  const Workload first = pass_of(three_requests(), 0, 7, true);
  EXPECT_EQ(first.requests[2].id, 2);
  EXPECT_EQ(first.requests[0].cache_salt, "");
  EXPECT_EQ(first.load.first_repeat_id, 7);
}

TEST(Passes, later_ones_ask_the_same_prompts_under_new_ids_sessions_and_salts) {
  const Workload again = pass_of(three_requests(), 2, 7, true);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(again.requests[i].id, 7 + i);
    EXPECT_EQ(again.requests[i].prompt_index, i);
    EXPECT_EQ(again.requests[i].cache_salt, "pass-2");
  }
  EXPECT_EQ(again.requests[0].session, "");
  EXPECT_EQ(again.requests[2].session, "talk-pass-2");
  EXPECT_EQ(again.load.first_repeat_id, 10);
  EXPECT_EQ(pass_of(three_requests(), 2, 7, false).requests[0].cache_salt, "");
}

TEST(Pauses, are_drawn_from_the_seed_and_lie_within_the_protocol_s_limit) {
  Protocol protocol;
  protocol.repeats = 50;
  protocol.pause_s = 0.5;
  const std::vector<double> pauses = planned_pauses(protocol, 3);
  EXPECT_EQ(pauses, planned_pauses(protocol, 3));
  EXPECT_NE(pauses, planned_pauses(protocol, 4));
  EXPECT_EQ(std::set<double>(pauses.begin(), pauses.end()).size(), 50U);
  double sum = 0;
  for (const double pause : pauses) {
    EXPECT_GT(pause, 0);
    EXPECT_LE(pause, 0.5);
    sum += pause;
  }
  EXPECT_NEAR(sum / 50, 0.25, 0.08);
}

TEST(Pauses, are_none_where_the_protocol_has_none) {
  Protocol protocol;
  protocol.repeats = 2;
  EXPECT_EQ(planned_pauses(protocol, 3), (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace aieb
