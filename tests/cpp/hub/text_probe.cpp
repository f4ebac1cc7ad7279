// Lets the Python tests compare the text and hub rooms with the libraries of Hugging Face: reads
// one JSON request a line, writes one JSON answer a line: {"ok": …} or {"error", "exit_code"}.
#include <fstream>
#include <iostream>
#include <map>
#include <optional>

#include "bridge/chat_template.h"
#include "bridge/parquet.h"
#include "bridge/text_stream.h"
#include "bridge/tokenizer.h"
#include "core/error.h"
#include "core/log.h"
#include "hub/dataset.h"
#include "hub/resolve.h"

namespace aieb {
namespace {

std::optional<Tokenizer> tokenizer;

Json read_json(const std::string& path) {
  std::ifstream in(path);
  return Json::parse(in);
}

Json load_tokenizer(const Json& request) {
  if (request.contains("folder")) {
    tokenizer = Tokenizer::from_folder(request["folder"]);
  } else {
    tokenizer = Tokenizer::from_gguf(read_json(request["gguf_metadata"]), "test.gguf");
  }
  return tokenizer->vocab_size();
}

Json encode(const Json& request) {
  Json all = Json::array();
  for (const std::string text : request["texts"]) {
    all.push_back(tokenizer->encode(text, request["special"]));
  }
  return all;
}

Json decode(const Json& request) {
  Json all = Json::array();
  for (const std::vector<uint32_t> ids : request["ids"]) {
    all.push_back(tokenizer->decode(ids, request["skip"]));
  }
  return all;
}

Json stream(const Json& request) {
  TextStream text(*tokenizer, request["skip"]);
  Json pieces = Json::array();
  for (const uint32_t id : request["ids"]) pieces.push_back(text.add(id));
  pieces.push_back(text.finish());
  return pieces;
}

Json render(const Json& request) {
  const ChatTemplate chat(request["template"], "test");
  return chat.render(request["messages"], request["variables"]);
}

Json resolve(const Json& request) {
  HubSettings settings = hub_settings();
  settings.chunk_bytes = request.value("chunk_bytes", settings.chunk_bytes);
  settings.retry_delay_s = 0.01;
  DownloadState last;
  const ModelFiles files = resolve_model(
      request["model"], request.value("revision", ""),
      [&](const DownloadState& state) { last = state; }, settings);
  return {{"path", files.path},
          {"source", files.source},
          {"revision", files.revision},
          {"gguf", files.kind == ModelFiles::Kind::kGgufFile},
          {"bytes_done", last.bytes_done},
          {"bytes_total", last.bytes_total}};
}

Json columns(const Json& request) { return parquet_columns(request["path"]); }

Json read_column(const Json& request) {
  Json values = Json::array();
  for (const auto& value :
       read_parquet_column(request["path"], request["column"], request["limit"])) {
    values.push_back(value ? Json(*value) : Json(nullptr));
  }
  return values;
}

Json resolve_data(const Json& request) {
  HubSettings settings = hub_settings();
  settings.retry_delay_s = 0.01;
  const DatasetFiles files =
      resolve_dataset(request["dataset"], request.value("config", ""), request["split"],
                      request.value("revision", ""), {}, settings);
  return {{"paths", files.paths},
          {"config", files.config},
          {"source", files.source},
          {"revision", files.revision}};
}

using Handler = Json (*)(const Json&);
const std::map<std::string, Handler> kHandlers = {
    {"load_tokenizer", load_tokenizer},
    {"encode", encode},
    {"decode", decode},
    {"stream", stream},
    {"render", render},
    {"resolve", resolve},
    {"columns", columns},
    {"read_column", read_column},
    {"resolve_dataset", resolve_data},
};

Json answer(const std::string& line) {
  try {
    const Json request = Json::parse(line);
    return {{"ok", kHandlers.at(request.at("op"))(request)}};
  } catch (const Error& e) {
    return {{"error", e.what()}, {"exit_code", static_cast<int>(e.exit_code())}};
  }
}

}  // namespace
}  // namespace aieb

int main() {
  aieb::log::set_sink([](aieb::log::Level, std::string_view text) { std::cerr << text << '\n'; });
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << aieb::answer(line).dump() << std::endl;
  }
}
