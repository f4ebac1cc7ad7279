#include "http/sse.h"

#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/sse_streams.h"

namespace aieb::http {
namespace {

using testing::ElementsAre;

struct Seen {
  std::string data;
  std::string type;
  std::string id;
  bool operator==(const Seen&) const = default;
};

/// The events of `stream` when it is read in pieces that end at `cuts`.
std::vector<Seen> parse(std::string_view stream, const std::vector<size_t>& cuts = {}) {
  SseParser parser;
  std::vector<Seen> seen;
  const auto keep = [&](const SseEvent& e) {
    seen.push_back({std::string(e.data), std::string(e.type), std::string(e.id)});
    return true;
  };
  size_t at = 0;
  const auto feed_to = [&](size_t end) {
    std::string piece(stream.substr(at, end - at));  // own memory: a stale view is a visible error
    parser.feed(piece, 0, keep);
    std::fill(piece.begin(), piece.end(), '#');
    at = end;
  };
  for (const size_t cut : cuts) feed_to(cut);
  feed_to(stream.size());
  parser.finish(keep);
  return seen;
}

std::vector<std::string> data_of(std::string_view stream) {
  std::vector<std::string> out;
  for (const Seen& s : parse(stream)) out.push_back(s.data);
  return out;
}

TEST(Sse, reads_events_with_any_line_end) {
  EXPECT_THAT(data_of("data: a\n\ndata: b\n\n"), ElementsAre("a", "b"));
  EXPECT_THAT(data_of("data: a\r\n\r\ndata: b\r\n\r\n"), ElementsAre("a", "b"));
  EXPECT_THAT(data_of("data: a\r\rdata: b\r\r"), ElementsAre("a", "b"));
  EXPECT_THAT(data_of("data: a\r\n\ndata: b\n\r\n"), ElementsAre("a", "b"));
}

TEST(Sse, joins_data_lines_and_strips_one_space) {
  EXPECT_THAT(data_of("data:  a\ndata:b\ndata\ndata: \n\n"), ElementsAre(" a\nb\n\n"));
}

TEST(Sse, ignores_comments_unknown_fields_and_empty_events) {
  EXPECT_THAT(data_of(": ping\n\n:\n\nretry: 3\n\nevent: x\n\nfoo: bar\ndata: a\n: c\n\n"),
              ElementsAre("a"));
}

TEST(Sse, reports_type_of_its_own_event_and_last_id) {
  EXPECT_THAT(parse("event: error\nid: 7\ndata: a\n\ndata: b\n\nevent: e\n\ndata: c\n\n"),
              ElementsAre(Seen{"a", "error", "7"}, Seen{"b", "", "7"}, Seen{"c", "", "7"}));
}

TEST(Sse, strips_a_byte_order_mark_only_at_the_start) {
  EXPECT_THAT(data_of("\xEF\xBB\xBF"
                      "data: a\n\n\xEF\xBB\xBF"
                      "data: b\n\n"),
              ElementsAre("a"));
}

TEST(Sse, delivers_done_once_with_or_without_its_blank_line) {
  for (const char* end : {"", "\n", "\n\n", "\r\n", "\r\n\r\n"}) {
    EXPECT_THAT(data_of(std::string("data: a\n\ndata: [DONE]") + end), ElementsAre("a", "[DONE]"));
  }
}

TEST(Sse, delivers_done_at_its_line_end_without_waiting_for_the_body_to_end) {
  SseParser parser;
  int events = 0;
  parser.feed("data: [DONE]\n", 0, [&](const SseEvent&) { return ++events > 0; });
  EXPECT_EQ(events, 1);
}

TEST(Sse, delivers_a_last_event_that_was_not_terminated) {
  EXPECT_THAT(data_of("data: a\n\ndata: b"), ElementsAre("a", "b"));
  EXPECT_THAT(data_of("data: a\n\ndata: b\n"), ElementsAre("a", "b"));
}

TEST(Sse, stamps_an_event_with_the_read_of_its_first_byte) {
  SseParser parser;
  std::vector<int64_t> times;
  const auto keep = [&](const SseEvent& e) {
    times.push_back(e.t_ns);
    return true;
  };
  parser.feed("data: a\n\nda", 10, keep);
  parser.feed("ta: b\n", 20, keep);
  parser.feed("\n: comment\n", 30, keep);
  parser.feed("data: c\n\ndata: d\n\n", 40, keep);
  parser.feed("data: e\n\ndata: f\n\ndata: g", {50, 60}, keep);
  parser.feed("\n\n", 70, keep);
  EXPECT_THAT(times, ElementsAre(10, 10, 40, 40, 50, 60, 60));
}

TEST(Sse, hands_out_whole_events_without_copying) {
  SseParser parser;
  const std::string bytes = "data: {\"a\":1}\n\ndata: {\"b\":2}\n\n";
  parser.feed(bytes, 0, [&](const SseEvent& e) {
    EXPECT_GE(e.data.data(), bytes.data());
    EXPECT_LT(e.data.data(), bytes.data() + bytes.size());
    return true;
  });
}

TEST(Sse, stops_when_the_handler_says_so) {
  SseParser parser;
  int events = 0;
  parser.feed("data: a\n\ndata: b\n\n", 0, [&](const SseEvent&) { return ++events < 1; });
  EXPECT_EQ(events, 1);
}

TEST(Sse, gives_up_on_an_event_above_the_limit_in_one_line_or_many) {
  const auto any = [](const SseEvent&) { return true; };
  SseParser one_line(64);
  for (int i = 0; i < 10; ++i) one_line.feed("data: 0123456789", 0, any);
  EXPECT_TRUE(one_line.overflowed());
  SseParser many_lines(64);
  for (int i = 0; i < 10; ++i) many_lines.feed("data: 0123456789\n", 0, any);
  EXPECT_TRUE(many_lines.overflowed());
  SseParser fine(64);
  for (int i = 0; i < 100; ++i) fine.feed("data: 0123456789\n\n", 0, any);
  EXPECT_FALSE(fine.overflowed());
}

TEST(Sse, reset_forgets_everything_of_the_last_stream) {
  SseParser parser(64);
  const auto any = [](const SseEvent&) { return true; };
  parser.feed("id: 9\nevent: x\ndata: half\ndata: of a li", 0, any);
  parser.reset();
  std::vector<Seen> seen;
  parser.feed("data: a\n\n", 0, [&](const SseEvent& e) {
    seen.push_back({std::string(e.data), std::string(e.type), std::string(e.id)});
    return true;
  });
  EXPECT_THAT(seen, ElementsAre(Seen{"a", "", ""}));
}

TEST(Sse, gives_the_same_events_for_every_split_in_two) {
  for (const std::string_view stream : kStreams) {
    const std::vector<Seen> whole = parse(stream);
    EXPECT_GE(whole.size(), 3U);
    for (size_t cut = 0; cut <= stream.size(); ++cut) {
      ASSERT_EQ(parse(stream, {cut}), whole) << "cut at " << cut << " of\n" << stream;
    }
  }
}

TEST(Sse, gives_the_same_events_byte_by_byte) {
  for (const std::string_view stream : kStreams) {
    std::vector<size_t> cuts(stream.size());
    for (size_t i = 0; i < cuts.size(); ++i) cuts[i] = i;
    EXPECT_EQ(parse(stream, cuts), parse(stream));
  }
}

TEST(Sse, gives_the_same_events_for_random_splits) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    for (const std::string_view stream : kStreams) {
      std::vector<size_t> cuts(1 + random() % 12);
      for (size_t& cut : cuts) cut = random() % (stream.size() + 1);
      std::sort(cuts.begin(), cuts.end());
      ASSERT_EQ(parse(stream, cuts), parse(stream));
    }
  }
}

}  // namespace
}  // namespace aieb::http
