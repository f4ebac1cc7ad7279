#include <algorithm>

#include "bridge/parquet.h"
#include "datasets/source.h"

namespace aieb {

PromptColumn read_table(const SourceFile& file) {
  const std::vector<std::string> columns = parquet_columns(file.place);
  if (std::find(columns.begin(), columns.end(), file.column) == columns.end()) {
    throw_no_column(file.place, file.column, columns);
  }
  PromptColumn prompts;
  for (auto& value : read_parquet_column(file.place, file.column)) {
    prompts.add(value ? std::move(*value) : std::string());
  }
  return prompts;
}

}  // namespace aieb
