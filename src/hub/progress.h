#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace aieb {

/// How far a download is. Totals are those of all files that have to be fetched.
struct DownloadState {
  std::string file;
  int64_t bytes_done = 0;
  int64_t bytes_total = 0;
};

/// Called now and then while downloading, from any thread, one call at a time, and once at the end.
/// Empty: progress goes to the process's display, else to the log.
using DownloadProgress = std::function<void(const DownloadState&)>;

/// Sets the display of downloads whose caller names none, as the program's front end does once.
void set_download_display(DownloadProgress display);

}  // namespace aieb
