#pragma once

namespace aieb::schema {

/// Version of the tables below; docs/trace.md describes every column. A reader accepts this version
/// and older ones. Raise it together with everything that reads the tables.
constexpr int kVersion = 1;

/// Creates all tables.
extern const char* const kCreate;

}  // namespace aieb::schema
