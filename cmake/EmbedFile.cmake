# Writes OUTPUT, a C++ file that holds the text of INPUT as aieb::embedded::NAME.
# Every byte is written as an escape: no text can break the literal, whatever it holds.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(..)" "\\\\x\\1" text "${hex}")
string(REGEX REPLACE "(................................................................)" "\\1\"\n    \"" text "${text}")
file(WRITE ${OUTPUT} "// Made by cmake/EmbedFile.cmake.
#include <string_view>

namespace aieb::embedded {
extern const std::string_view ${NAME};
const std::string_view ${NAME}(
    \"${text}\",
    ${size});
}  // namespace aieb::embedded
")
