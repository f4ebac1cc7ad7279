#include "mock/mock_pages.h"

#include <utility>

#include <fmt/format.h>

namespace aieb {
namespace {

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nserver: mock\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    "transfer-encoding: chunked\r\n\r\n";

std::string chunked(const std::string& event) {
  return fmt::format("{:x}\r\n{}\r\n", event.size(), event);
}

std::string whole(std::string_view body, std::string_view status = "200 OK") {
  return fmt::format(
      "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}", status,
      body.size(), body);
}

}  // namespace

MockPages::MockPages(std::string model)
    : health(whole("")),
      missing(whole(R"({"detail":"Not Found"})", "404 Not Found")),
      model_(std::move(model)) {
  models =
      whole(fmt::format(R"({{"object":"list","data":[{{"id":"{}","object":"model"}}]}})", model_));
  role = std::string(kHead) +
         chunk(R"("delta":{"role":"assistant","content":""},"finish_reason":null)", 0);
}

const std::string& MockPages::token(int index, bool last) {
  auto& cache = last ? last_ : plain_;
  const auto at = static_cast<size_t>(index);
  if (at >= cache.size()) cache.resize(at + 1);
  if (cache[at].empty()) cache[at] = last ? render_last(index) : render(index, "null");
  return cache[at];
}

std::string MockPages::chunk(const std::string& choice, int tokens) const {
  return chunked(fmt::format(
      "data: {{\"id\":\"chatcmpl-5f4d3c2b1a09e8d7\",\"object\":\"chat.completion.chunk\","
      "\"created\":1700000000,\"model\":\"{}\",\"choices\":[{{\"index\":0,{},\"logprobs\":null,"
      "\"token_ids\":null}}],\"usage\":{{\"prompt_tokens\":5,\"total_tokens\":{},"
      "\"completion_tokens\":{}}}}}\n\n",
      model_, choice, tokens + 5, tokens));
}

std::string MockPages::render(int index, std::string_view reason) const {
  return chunk(fmt::format(R"("delta":{{"content":" word"}},"finish_reason":{})", reason),
               index + 1);
}

std::string MockPages::render_last(int index) const {
  return render(index, R"("length")") +
         chunked(fmt::format("data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":5,"
                             "\"total_tokens\":{},\"completion_tokens\":{}}}}}\n\n",
                             index + 6, index + 1)) +
         chunked("data: [DONE]\n\n") + "0\r\n\r\n";
}

}  // namespace aieb
