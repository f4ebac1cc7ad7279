#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace aieb {

/// What SQLite said. Rooms outside trace never see it: recorder and reader translate it.
class SqliteError : public std::runtime_error {
 public:
  SqliteError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] int code() const { return code_; }  ///< primary result code, e.g. SQLITE_FULL

 private:
  int code_;
};

/// An open database file.
class Database {
 public:
  enum class Mode { kReadOnly, kCreate };

  /// Throws SqliteError.
  Database(const std::string& path, Mode mode);

  void execute(const char* sql);
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

  /// Throws SqliteError for the connection's last error.
  [[noreturn]] void fail() const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

/// Bytes bound as a BLOB; text is bound from std::string_view.
struct Blob {
  std::string_view bytes;
};

/// One prepared statement. Bound text and blobs must live until the step is done.
class Statement {
 public:
  Statement(Database& database, const char* sql);

  /// Binds all parameters in order.
  template <typename... Args>
  void bind_all(const Args&... args) {
    int index = 0;
    (bind(++index, args), ...);
  }

  /// Binds all parameters, runs the statement to its end and resets it.
  template <typename... Args>
  void run(const Args&... args) {
    bind_all(args...);
    while (step()) continue;
    reset();
  }

  /// True while there is a row to read.
  bool step();
  void reset();

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const;
  /// Valid until the next step.
  [[nodiscard]] std::string_view blob(int column) const;
  [[nodiscard]] std::optional<int64_t> optional_integer(int column) const;

 private:
  void bind(int index, int64_t value);
  void bind(int index, int value) { bind(index, static_cast<int64_t>(value)); }
  void bind(int index, double value);
  void bind(int index, std::string_view value);
  void bind(int index, const Blob& value);
  void bind(int index, const std::optional<int64_t>& value);
  void check(int code) const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace aieb
