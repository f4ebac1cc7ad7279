# aieb_embed(target NAME file): compiles a text file of the repository into `target`, where it is
# `extern const std::string_view NAME` in namespace aieb::embedded. Rebuilt when the file changes.
function(aieb_embed target name file)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_${name}.cpp)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DINPUT=${CMAKE_SOURCE_DIR}/${file} -DOUTPUT=${source}
            -P ${CMAKE_SOURCE_DIR}/cmake/EmbedFile.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/${file} ${CMAKE_SOURCE_DIR}/cmake/EmbedFile.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${source})
endfunction()
