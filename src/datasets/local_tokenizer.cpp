#include "datasets/local_tokenizer.h"

#include <optional>
#include <utility>

#include "bridge/chat_template.h"
#include "bridge/tokenizer.h"
#include "hub/resolve.h"

namespace aieb {
namespace {

class LocalTokenCounter final : public TokenCounter {
 public:
  LocalTokenCounter(const std::string& folder, std::string name, const ScenarioConfig& scenario)
      : name_(std::move(name)), tokenizer_(Tokenizer::from_folder(folder)) {
    if (scenario.use_chat_template != "false") template_ = load_chat_template(folder);
    const std::string& rule = scenario.add_special_tokens;
    add_special_tokens_ = rule == "auto" ? !template_.has_value() : rule == "true";
  }

  int64_t count(const Request& request) override {
    std::string text = request.prompt_text;
    if (template_) {
      text = template_->render(request.messages, template_variables(tokenizer_.settings(), true,
                                                                    request.template_kwargs));
    }
    const auto ids = tokenizer_.encode(text + request.response_prefix, add_special_tokens_);
    return static_cast<int64_t>(ids.size());
  }

  [[nodiscard]] std::string name() const override { return "the tokenizer of " + name_; }

 private:
  std::string name_;
  Tokenizer tokenizer_;
  std::optional<ChatTemplate> template_;
  bool add_special_tokens_ = true;
};

}  // namespace

std::unique_ptr<TokenCounter> local_token_counter(const std::string& model,
                                                  const std::string& revision,
                                                  const ScenarioConfig& scenario) {
  return std::make_unique<LocalTokenCounter>(resolve_tokenizer(model, revision), model, scenario);
}

}  // namespace aieb
