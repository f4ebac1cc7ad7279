# Writes OUTPUT, a C++ file that holds the text of FILES (paths relative to ROOT).
set(rows "")
foreach(file IN LISTS FILES)
  file(READ ${ROOT}/${file} text)
  string(APPEND rows "    {\"${file}\", R\"aieb_file(${text})aieb_file\"},\n")
endforeach()
file(WRITE ${OUTPUT}
"#include \"config/bundled.h\"

namespace aieb {

std::span<const EmbeddedFile> embedded_files() {
  static constexpr EmbeddedFile kFiles[] = {
${rows}  };
  return kFiles;
}

}  // namespace aieb
")
