#include "http/response_parser.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace aieb::http {
namespace {

using ::testing::HasSubstr;
using Result = ResponseParser::Result;

class Kept : public ResponseParser::Sink {
 public:
  bool on_head(int code, std::string_view type) override {
    status = code;
    content_type = type;
    ++heads;
    return true;
  }
  bool on_body(std::string_view bytes) override {
    body.append(bytes);
    return body.size() < stop_after;
  }

  int status = 0;
  int heads = 0;
  std::string content_type;
  std::string body;
  size_t stop_after = SIZE_MAX;
};

/// A response in one piece.
struct Parsed {
  explicit Parsed(std::string_view bytes) { result = parser.feed(bytes, kept); }
  ResponseParser parser;
  Kept kept;
  Result result;
};

TEST(ResponseParser, reads_a_body_by_its_length) {
  const Parsed p("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length:  5 \r\n\r\nhello");
  EXPECT_EQ(p.result, Result::kComplete);
  EXPECT_EQ(p.kept.status, 200);
  EXPECT_EQ(p.kept.content_type, "text/plain");
  EXPECT_EQ(p.kept.body, "hello");
  EXPECT_TRUE(p.parser.reusable());
}

TEST(ResponseParser, reads_chunks_with_extensions_and_trailers) {
  const Parsed p(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5\r\nhello\r\nA ; name=\"x\"\r\n, chunked \r\n0\r\nTrailer: 1\r\n\r\n");
  EXPECT_EQ(p.result, Result::kComplete);
  EXPECT_EQ(p.kept.body, "hello, chunked ");
  EXPECT_TRUE(p.parser.reusable());
}

TEST(ResponseParser, reads_until_the_connection_closes_where_nothing_else_ends_the_body) {
  Parsed p("HTTP/1.1 200 OK\r\n\r\nhel");
  EXPECT_EQ(p.result, Result::kMore);
  EXPECT_TRUE(p.parser.ends_here());
  EXPECT_EQ(p.parser.feed("lo", p.kept), Result::kMore);
  EXPECT_EQ(p.kept.body, "hello");
  EXPECT_FALSE(p.parser.reusable());
}

TEST(ResponseParser, a_body_that_is_cut_does_not_end_here) {
  for (const char* text : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Le", "HTTP"}) {
    const Parsed p(text);
    EXPECT_EQ(p.result, Result::kMore) << text;
    EXPECT_FALSE(p.parser.ends_here()) << text;
    EXPECT_TRUE(p.parser.begun());
  }
  EXPECT_FALSE(ResponseParser().begun());
}

TEST(ResponseParser, passes_over_interim_responses) {
  const Parsed p(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: "
      "9\r\n\r\n"
      "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(p.result, Result::kComplete);
  EXPECT_EQ(p.kept.heads, 1);
  EXPECT_EQ(p.kept.status, 404);
  EXPECT_EQ(p.kept.body, "no");
}

TEST(ResponseParser, some_responses_have_no_body) {
  for (const char* text :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
        "HTTP/1.1 307 X\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"}) {
    EXPECT_EQ(Parsed(text).result, Result::kComplete) << text;
  }
}

TEST(ResponseParser, knows_which_connections_can_be_used_again) {
  const auto reusable = [](const std::string& version, const std::string& header) {
    return Parsed(version + " 200 OK\r\nContent-Length: 0\r\n" + header + "\r\n").parser.reusable();
  };
  EXPECT_TRUE(reusable("HTTP/1.1", ""));
  EXPECT_FALSE(reusable("HTTP/1.1", "Connection: close\r\n"));
  EXPECT_FALSE(reusable("HTTP/1.1", "connection: Upgrade, Close\r\n"));
  EXPECT_FALSE(reusable("HTTP/1.0", ""));
  EXPECT_TRUE(reusable("HTTP/1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(reusable("HTTP/1.1", "Connection: close\r\nConnection: keep-alive\r\n"));
  EXPECT_FALSE(Parsed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab").parser.reusable())
      << "what follows the answer belongs to nobody";
}

TEST(ResponseParser, chunks_go_before_a_length) {
  const Parsed p(
      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(p.result, Result::kComplete);
  EXPECT_EQ(p.kept.body, "x");
  EXPECT_FALSE(p.parser.reusable());
}

TEST(ResponseParser, says_what_is_not_http) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const auto& [text, error] : std::vector<std::pair<std::string, std::string>>{
           {"\x16\x03\x01 no\r\n", "does not begin as HTTP does"},
           {"HTTP/2 200\r\n", "does not begin as HTTP does: 'HTTP/2 200'"},
           {"HTTP/1.1 2x0 OK\r\n", "does not begin"},
           {"HTTP/1.1 099 OK\r\n", "does not begin"},
           {head + "Content-Length: -1\r\n\r\n", "Content-Length is not one number"},
           {head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length"},
           {head + "Transfer-Encoding: gzip, chunked\r\n", "'gzip, chunked'"},
           {head + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "chunk of the answer has no size"},
           {head + "Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n", "longer than it says"},
           {head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "no size"},
           {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol"},
           {head + std::string(400'000, 'x'), "300 KB"},
       }) {
    const Parsed p(text);
    EXPECT_EQ(p.result, Result::kInvalid) << text.substr(0, 80);
    EXPECT_THAT(p.parser.error(), HasSubstr(error));
  }
}

TEST(ResponseParser, ends_when_enough_was_seen) {
  ResponseParser parser;
  Kept kept;
  kept.stop_after = 3;
  EXPECT_EQ(parser.feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcdefghi", kept),
            Result::kStopped);
}

/// A response of random form, and what is to be read of it.
struct RandomResponse {
  std::string bytes;
  std::string body;
  bool until_close = false;
};

RandomResponse make_response(std::mt19937& random) {
  const auto below = [&](unsigned n) { return random() % n; };
  RandomResponse r;
  for (unsigned i = below(2000); i > 0; --i) r.body += static_cast<char>(random());
  const std::string end = below(4) == 0 ? "\n" : "\r\n";
  r.bytes = "HTTP/1.1 200 OK" + end;
  for (unsigned i = below(5); i > 0; --i)
    r.bytes += "X-Header: " + std::string(below(99), 'v') + end;
  const unsigned form = below(3);
  r.until_close = form == 2;
  if (form == 0) {
    r.bytes += "CONTENT-LENGTH: " + std::to_string(r.body.size()) + end + end + r.body;
  } else if (form == 1) {
    r.bytes += "Transfer-encoding: chunked" + end + end;
    for (size_t at = 0; at < r.body.size();) {
      const size_t length = std::min<size_t>(1 + below(300), r.body.size() - at);
      char size[32];
      std::snprintf(size, sizeof size, below(2) == 0 ? "%zx" : "%zX", length);
      r.bytes += size + end + r.body.substr(at, length) + end;
      at += length;
    }
    r.bytes += "0" + end + end;
  } else {
    r.bytes += end + r.body;
  }
  return r;
}

TEST(ResponseParser, reads_the_same_however_a_response_is_divided) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  ResponseParser parser;
  for (int run = 0; run < 2000; ++run) {
    const RandomResponse r = make_response(random);
    parser.reset();
    Kept kept;
    Result result = Result::kMore;
    const size_t longest = 1 + random() % 600;
    for (size_t at = 0; at < r.bytes.size();) {
      ASSERT_EQ(result, Result::kMore);
      const size_t length = std::min<size_t>(1 + random() % longest, r.bytes.size() - at);
      result = parser.feed(std::string_view(r.bytes).substr(at, length), kept);
      at += length;
    }
    ASSERT_EQ(result, r.until_close ? Result::kMore : Result::kComplete);
    ASSERT_EQ(parser.ends_here(), r.until_close);
    ASSERT_EQ(kept.body, r.body);
    ASSERT_EQ(kept.heads, 1);
  }
}

}  // namespace
}  // namespace aieb::http
