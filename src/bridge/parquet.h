#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace aieb {

/// Names of the columns of a Parquet file, or of an Arrow file or stream (the .arrow files of
/// `datasets`); which one it is, the content tells. Throws DataError with the path.
std::vector<std::string> parquet_columns(const std::string& path);

/// The first `limit` values of a column (0: all), in file order. Text comes as it is; numbers,
/// booleans, lists and structs (conversations) as JSON; nulls are absent. Throws DataError when the
/// file cannot be read, has no such column, or holds something that is no text (binary, dates).
std::vector<std::optional<std::string>> read_parquet_column(const std::string& path,
                                                            const std::string& column,
                                                            size_t limit = 0);

}  // namespace aieb
