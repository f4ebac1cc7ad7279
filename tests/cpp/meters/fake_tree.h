#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace aieb::test {

/// A folder that stands for /sys or /proc; gone with the object.
class FakeTree {
 public:
  FakeTree() {
    std::string pattern = std::filesystem::temp_directory_path() / "aieb-tree-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    ::chmod(root_.c_str(), 0755);  // the tests that drop privileges must be able to look in
  }
  ~FakeTree() { std::filesystem::remove_all(root_); }
  FakeTree(const FakeTree&) = delete;
  FakeTree& operator=(const FakeTree&) = delete;

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] std::string path(const std::string& relative) const {
    return root_ + "/" + relative;
  }

  void write(const std::string& relative, const std::string& text) const {
    const std::filesystem::path file = path(relative);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void remove(const std::string& relative) const { std::filesystem::remove_all(path(relative)); }
  void forbid(const std::string& relative) const { ::chmod(path(relative).c_str(), 0); }
  void permit(const std::string& relative) const { ::chmod(path(relative).c_str(), 0644); }

 private:
  std::string root_;
};

/// While it lives the process has an ordinary user's file permissions, also when root runs the
/// tests.
class OrdinaryUser {
 public:
  OrdinaryUser() : was_(::geteuid()) {
    if (was_ == 0) changed_ = ::seteuid(65534) == 0;
  }
  ~OrdinaryUser() {
    if (changed_) (void)!::seteuid(was_);
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  uid_t was_;
  bool changed_ = false;
};

/// One zone of a fake /sys/class/powercap, `id` as in "intel-rapl:0:1".
inline void write_zone(const FakeTree& sys, const std::string& id, const std::string& name,
                       uint64_t energy_uj, uint64_t range_uj = 262143328850ULL) {
  const std::string zone = "class/powercap/" + id + "/";
  sys.write(zone + "name", name + "\n");
  sys.write(zone + "energy_uj", std::to_string(energy_uj) + "\n");
  sys.write(zone + "max_energy_range_uj", std::to_string(range_uj) + "\n");
}

/// In place and in one write, always equally long: a reader never sees an empty or a mixed value,
/// as with the real file, and one that holds the file open sees the new value.
inline void set_energy(const FakeTree& sys, const std::string& id, uint64_t energy_uj) {
  std::string text = std::to_string(energy_uj);
  text = std::string(20 - text.size(), '0') + text + "\n";
  std::fstream file(sys.path("class/powercap/" + id + "/energy_uj"),
                    std::ios::in | std::ios::out | std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
}

}  // namespace aieb::test
