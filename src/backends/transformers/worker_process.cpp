#include "backends/transformers/worker_process.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "config/bundled.h"
#include "core/error.h"
#include "core/stop.h"

namespace aieb {
namespace {

constexpr int kProtocol = 1;
constexpr double kGreeting_s = 60;  // a cold interpreter on a network file system
constexpr double kGreetingPoll_s = 0.1;
constexpr double kPatience_s = 3;

/// The worker's modules arrive as the first line of its input, so that a binary without the Python
/// package has them too. An installed package of that name is not looked at: its extension would
/// bring a second copy of this library.
constexpr const char* kBootstrap = R"(
import json, sys, types
sys.path = [folder for folder in sys.path if folder]  # not the folder that it runs in
for name in ("ai_energy_benchmarks", "ai_energy_benchmarks.workers"):
    sys.modules[name] = types.ModuleType(name)
for path, text in json.loads(sys.stdin.readline()):
    name = path.removesuffix(".py").replace("/", ".")
    sys.modules[name] = types.ModuleType(name)
    exec(compile(text, path, "exec"), sys.modules[name].__dict__)
sys.modules[name].main()
)";

std::string modules() {
  Json list = Json::array();
  for (const std::string_view path : kTransformersWorker) {
    list.push_back({path, bundled_file(path).text});
  }
  return list.dump();
}

}  // namespace

WorkerProcess::WorkerProcess(std::string python,
                             const std::map<std::string, std::optional<std::string>>& variables)
    : python_(std::move(python)), program_({python_, "-c", kBootstrap}, variables) {
  program_.write_line(modules());
  greet();
}

void WorkerProcess::greet() {
  std::optional<Json> hello;
  for (double left_s = kGreeting_s; !hello && left_s > 0; left_s -= kGreetingPoll_s) {
    hello = receive(kGreetingPoll_s);
    if (!stop_of_thread().stop_requested()) continue;
    kill();
    throw Stopped();
  }
  if (!hello || hello->value("type", "") != "hello" || hello->value("protocol", 0) != kProtocol) {
    throw EnvironmentError(python_ +
                           " does not run the transformers worker; name a Python interpreter "
                           "(3.10 or newer) with AIEB_PYTHON");
  }
  python_ = hello->value("executable", python_);
  packages_ = hello->at("packages");
  packages_["python"] = hello->at("python");
}

std::string WorkerProcess::version_of(const std::string& package) const {
  const auto found = packages_.find(package);
  return found == packages_.end() || found->is_null() ? "" : found->get<std::string>();
}

std::optional<Json> WorkerProcess::receive(double timeout_s) {
  std::string line;
  switch (program_.read_line(line, timeout_s)) {
    case LineProgram::Read::kNothingYet:
      return std::nullopt;
    case LineProgram::Read::kEnd:
      report_end();
    case LineProgram::Read::kLine:
      break;
  }
  Json event = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!event.is_object()) {
    throw EnvironmentError(python_ + " is not a Python interpreter that can run the transformers " +
                           "worker; it answered: " + line);
  }
  return event;
}

void WorkerProcess::report_end() {
  const ProgramEnd end = program_.finish(kPatience_s);
  std::string text = "the transformers worker (" + python_ + ") " + describe(end);
  if (end.signal == SIGKILL) {
    text += "; the kernel does that when memory runs out (dmesg says so)";
  }
  const std::string last = program_.last_errors();
  if (!last.empty()) text += ". Its last words:\n" + last;
  throw EnvironmentError(text);
}

}  // namespace aieb
