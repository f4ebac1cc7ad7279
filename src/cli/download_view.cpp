#include "cli/download_view.h"

#include <fmt/format.h>

#include "hub/disk.h"

namespace aieb::cli {

Progress DownloadView::update(const DownloadState& state, int64_t now_ns) {
  const bool another = state.bytes_total != total_ || state.bytes_done < last_bytes_;
  if (!start_ns_ || another) {
    start_ns_ = now_ns;
    start_bytes_ = state.bytes_done;
    total_ = state.bytes_total;
  }
  last_bytes_ = state.bytes_done;

  Progress progress;
  progress.phase = "downloading";
  progress.detail = hub::human_size(state.bytes_done) + " of " + hub::human_size(state.bytes_total);
  progress.elapsed_s = static_cast<double>(now_ns - *start_ns_) * 1e-9;
  const auto fetched = static_cast<double>(state.bytes_done - start_bytes_);
  if (fetched > 0 && *progress.elapsed_s > 0) {
    const double per_s = fetched / *progress.elapsed_s;
    progress.detail += fmt::format(", {}/s", hub::human_size(static_cast<int64_t>(per_s)));
    progress.remaining_s = static_cast<double>(state.bytes_total - state.bytes_done) / per_s;
  }
  if (!state.file.empty()) progress.detail += "  " + state.file;
  return progress;
}

}  // namespace aieb::cli
