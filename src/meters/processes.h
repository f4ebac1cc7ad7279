#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace aieb {

/// A process as <proc_root>/<pid>/stat shows it.
struct Process {
  int pid = 0;
  int parent = 0;
  int group = 0;
  std::string command;  ///< at most 15 characters
};

/// All visible processes by pid.
std::map<int, Process> list_processes(const std::string& proc_root);

/// Visible processes that hold one of these sockets open, ascending.
std::vector<int> socket_owners(const std::string& proc_root, const std::vector<uint64_t>& inodes);

/// The processes of the program that `pid` belongs to, ascending: its ancestors of the same process
/// group (a launcher whose workers are siblings of `pid`), and all descendants of these. Ancestors
/// that are also ancestors of `self` are left out: they are the shell or script of both.
std::vector<int> process_tree(const std::map<int, Process>& processes, int pid, int self);

}  // namespace aieb
