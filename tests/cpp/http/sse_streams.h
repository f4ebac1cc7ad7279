#pragma once

#include <array>
#include <string_view>

namespace aieb::http {

/// Streams as model servers send them, for tests that cut them anywhere.
inline constexpr std::array<std::string_view, 5> kStreams = {
    // vLLM: role chunk, text with multi-byte characters and escapes, usage, [DONE].
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
    "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüße 😀\"},"
    "\"finish_reason\":null,\"token_ids\":null}]}\n\n"
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\n\\u00e9\"},"
    "\"finish_reason\":\"length\",\"stop_reason\":null}]}\n\n"
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":34,"
    "\"total_tokens\":36,\"completion_tokens\":2}}\n\n"
    "data: [DONE]\n\n",
    // CRLF with pings, as servers on sse-starlette send.
    ": ping - 2026-01-01\r\n\r\ndata: {\"a\":1}\r\n\r\n: ping\r\n\r\ndata: {\"b\":\"x\"}\r\n\r\n"
    "data: [DONE]\r\n\r\n",
    // Typed events with ids and several data lines.
    "event: message\nid: 1\ndata: {\"a\":\ndata: 1}\n\nevent: error\ndata: {\"error\":{\"message\":"
    "\"boom\"}}\n\ndata: [DONE]\n",
    // Bare CR, a byte order mark, no space after the colon.
    "\xEF\xBB\xBF"
    "data:one\r\rdata:two\rdata:three\r\rid:4\rdata:four\r\r",
    // An error inside the stream, then the end without [DONE] and without a blank line.
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"code\":500}}\n\n"
    "data: {\"last\":true}",
};

}  // namespace aieb::http
