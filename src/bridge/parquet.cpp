#include "bridge/parquet.h"

#include "bridge/rust_call.h"
#include "core/error.h"
#include "core/json.h"

namespace aieb {
namespace {

using bridge::take;
using bridge::take_error;
using bridge::view;

void check(aieb_text error, const std::string& path) {
  if (const std::string message = take_error(error); !message.empty()) {
    throw DataError(path + ": " + message);
  }
}

}  // namespace

std::vector<std::string> parquet_columns(const std::string& path) {
  aieb_text names{};
  check(aieb_table_columns(view(path), &names), path);
  return Json::parse(take(names)).get<std::vector<std::string>>();
}

std::vector<std::optional<std::string>> read_parquet_column(const std::string& path,
                                                            const std::string& column,
                                                            size_t limit) {
  aieb_column values{};
  check(aieb_table_read(view(path), view(column), limit, &values), path);
  std::vector<std::optional<std::string>> result(values.size);
  size_t begin = 0;
  for (size_t i = 0; i < values.size; ++i) {
    if (values.present[i] != 0) result[i].emplace(values.text + begin, values.ends[i] - begin);
    begin = values.ends[i];
  }
  aieb_column_free(values);
  return result;
}

}  // namespace aieb
