# Toolchain of a cross build for arm64 with Debian's compilers. CONTRIBUTING.md has the commands.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64;-L;/)
set(AIEB_RUST_TARGET aarch64-unknown-linux-gnu CACHE STRING "Rust's name of the machine to build for, in a cross build")
