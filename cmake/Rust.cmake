# Static library aieb::rust from the crate in rust/: tokenizers, chat templates, Parquet.
find_program(CARGO_PROGRAM cargo HINTS $ENV{HOME}/.cargo/bin /usr/lib/rust-web/bin REQUIRED)
set(AIEB_RUST_TARGET_DIR ${CMAKE_SOURCE_DIR}/build/rust CACHE PATH "Cargo's target folder, shared by all presets")
set(AIEB_RUST_TARGET "" CACHE STRING "Rust's name of the machine to build for, in a cross build")
cmake_path(APPEND AIEB_RUST_TARGET_DIR ${AIEB_RUST_TARGET} release libaieb_bridge.a OUTPUT_VARIABLE AIEB_RUST_LIB)
if(AIEB_RUST_TARGET)
  set(AIEB_RUST_FOR --target ${AIEB_RUST_TARGET})
endif()
file(GLOB_RECURSE AIEB_RUST_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/rust/src/*.rs)

add_custom_command(
  OUTPUT ${AIEB_RUST_LIB}
  COMMAND ${CARGO_PROGRAM} build --release --locked ${AIEB_RUST_FOR} --manifest-path ${CMAKE_SOURCE_DIR}/rust/Cargo.toml
          --target-dir ${AIEB_RUST_TARGET_DIR}
  DEPENDS ${AIEB_RUST_SOURCES} ${CMAKE_SOURCE_DIR}/rust/Cargo.toml ${CMAKE_SOURCE_DIR}/rust/Cargo.lock
  USES_TERMINAL VERBATIM
  COMMENT "Building the Rust bridge (tokenizers, minijinja, parquet)")
add_custom_target(aieb_rust_build DEPENDS ${AIEB_RUST_LIB})

add_library(aieb_rust INTERFACE)
add_library(aieb::rust ALIAS aieb_rust)
add_dependencies(aieb_rust aieb_rust_build)
target_include_directories(aieb_rust INTERFACE ${CMAKE_SOURCE_DIR}/rust/include)
target_link_libraries(aieb_rust INTERFACE ${AIEB_RUST_LIB} Threads::Threads ${CMAKE_DL_LIBS} m)
