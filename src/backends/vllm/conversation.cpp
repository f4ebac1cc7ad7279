#include "backends/vllm/conversation.h"

#include <utility>

namespace aieb::server {

Request next_turn(const Request& before, const std::string& answer, const Request& next) {
  Request turn = next;
  turn.messages = before.messages;
  turn.messages.push_back({"assistant", answer});
  turn.messages.insert(turn.messages.end(), next.messages.begin(), next.messages.end());
  turn.prompt_text = before.prompt_text + "\n" + answer + "\n" + next.prompt_text;
  return turn;
}

}  // namespace aieb::server
