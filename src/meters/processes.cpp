#include "meters/processes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <set>
#include <sstream>

#include <unistd.h>

#include "meters/sysfs.h"

namespace aieb {
namespace {

bool is_pid(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// "17 (a (strange) name) S 1 17 …"
Process from_stat(const std::string& stat) {
  Process process;
  const size_t open = stat.find('(');
  const size_t close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return process;
  process.pid = std::atoi(stat.c_str());
  process.command = stat.substr(open + 1, close - open - 1);
  std::istringstream words(stat.substr(close + 1));
  char state = 0;
  words >> state >> process.parent >> process.group;
  return process;
}

std::set<int> ancestors(const std::map<int, Process>& processes, int pid) {
  std::set<int> result;
  for (auto it = processes.find(pid); it != processes.end();) {
    const int parent = it->second.parent;
    if (!result.insert(parent).second) break;
    it = processes.find(parent);
  }
  return result;
}

int root_of_program(const std::map<int, Process>& processes, int pid, int self) {
  const std::set<int> shared = ancestors(processes, self);
  int root = pid;
  for (;;) {
    const Process& process = processes.at(root);
    const auto parent = processes.find(process.parent);
    if (parent == processes.end() || parent->first <= 1 || parent->first == self) return root;
    if (parent->second.group != process.group || shared.count(parent->first) != 0) return root;
    root = parent->first;
  }
}

}  // namespace

std::map<int, Process> list_processes(const std::string& proc_root) {
  std::map<int, Process> processes;
  for (const std::string& name : list_directory(proc_root)) {
    if (!is_pid(name)) continue;
    const FileText stat = read_file(proc_root + "/" + name + "/stat");
    const Process process = from_stat(stat.text.value_or(""));
    if (process.pid > 0) processes[process.pid] = process;
  }
  return processes;
}

std::vector<int> socket_owners(const std::string& proc_root, const std::vector<uint64_t>& inodes) {
  std::set<std::string> links;
  for (const uint64_t inode : inodes) links.insert("socket:[" + std::to_string(inode) + "]");
  std::vector<int> owners;
  for (const std::string& name : list_directory(proc_root)) {
    if (!is_pid(name)) continue;
    const std::string folder = proc_root + "/" + name + "/fd/";
    const std::vector<std::string> files = list_directory(folder);
    const bool owns = std::any_of(files.begin(), files.end(), [&](const std::string& file) {
      std::array<char, 64> target{};
      const ssize_t size = ::readlink((folder + file).c_str(), target.data(), target.size() - 1);
      return size > 0 && links.count(target.data()) != 0;
    });
    if (owns) owners.push_back(std::atoi(name.c_str()));
  }
  std::sort(owners.begin(), owners.end());
  return owners;
}

std::vector<int> process_tree(const std::map<int, Process>& processes, int pid, int self) {
  if (processes.count(pid) == 0) return {pid};
  std::set<int> tree{root_of_program(processes, pid, self)};
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& [id, process] : processes) {
      if (id != self && tree.count(process.parent) != 0) grew |= tree.insert(id).second;
    }
  }
  return {tree.begin(), tree.end()};
}

}  // namespace aieb
