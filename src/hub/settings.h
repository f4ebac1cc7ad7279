#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

namespace aieb {

/// Where the hub and its cache are, as Hugging Face's own client decides it.
struct HubSettings {
  std::string endpoint = "https://huggingface.co";  ///< without trailing slash; HF_ENDPOINT
  std::filesystem::path cache;  ///< HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub
  std::filesystem::path datasets_cache;  ///< HF_DATASETS_CACHE, else HF_HOME/datasets
  std::string token;                     ///< HF_TOKEN, else the token file. Never printed.
  bool offline = false;                  ///< HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE
  double connect_timeout_s = 10;         ///< HF_HUB_ETAG_TIMEOUT
  double stall_timeout_s = 10;           ///< HF_HUB_DOWNLOAD_TIMEOUT: this long without a byte
  bool timeouts_given = false;           ///< the user set one of the two

  std::stop_token stop;  ///< requested: whatever is asked or fetched ends with Stopped

  int64_t chunk_bytes = 32LL << 20;  ///< large files are fetched in parts of this size
  int connections = 4;               ///< parts in flight
  double retry_delay_s = 0.5;        ///< before the first retry; doubles each time
};

/// Reads the environment at the time of the call; `stop` is that of the calling thread.
HubSettings hub_settings();

}  // namespace aieb
