# Imported target aieb::torch on the libraries of the torch wheel. find_package(Torch) of a CUDA
# wheel asks for a full CUDA toolkit, which building the engine does not need.
option(AIEB_TORCH_FETCH "Download the torch wheel for building when none is installed" OFF)
set(AIEB_TORCH_FETCHED ${CMAKE_SOURCE_DIR}/build/libtorch)

# The first of: the project's environment, the interpreter's that is built for, an earlier download.
function(aieb_find_torch result)
  get_filename_component(bin "${Python_EXECUTABLE}" DIRECTORY)
  file(GLOB found ${AIEB_VENV}/lib/python3*/site-packages/torch ${bin}/../lib/python3*/site-packages/torch
       ${AIEB_TORCH_FETCHED}/torch)
  foreach(candidate IN LISTS found)
    file(STRINGS ${candidate}/version.py line REGEX "^__version__ = .2\\.11\\.")
    if(line AND EXISTS ${candidate}/lib/libtorch_cpu.so
       AND (NOT EXISTS ${candidate}/lib/libtorch_cuda.so
            OR EXISTS ${candidate}/../nvidia/cu13/include/crt/host_defines.h))
      set(${result} ${candidate} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

if(NOT AIEB_TORCH_DIR)
  aieb_find_torch(AIEB_TORCH_FOUND)
  if(NOT AIEB_TORCH_FOUND AND AIEB_TORCH_FETCH)
    message(STATUS "Downloading libtorch to build the pytorch backend (0.6 GB; AIEB_PYTORCH=OFF builds without)")
    execute_process(COMMAND ${Python_EXECUTABLE} -m pip install --quiet --no-deps --target ${AIEB_TORCH_FETCHED}
                            -r ${CMAKE_SOURCE_DIR}/tools/requirements-cpu.txt
                    COMMAND_ERROR_IS_FATAL ANY)
    aieb_find_torch(AIEB_TORCH_FOUND)
  endif()
  set(AIEB_TORCH_DIR "${AIEB_TORCH_FOUND}" CACHE PATH "The torch package's folder" FORCE)
endif()

if(NOT EXISTS "${AIEB_TORCH_DIR}/lib/libtorch_cpu.so")
  message(FATAL_ERROR
    "torch not found (looked in '${AIEB_VENV}').\n"
    "Run ./run_benchmark.sh once, which installs it, or set AIEB_TORCH_DIR to an installed "
    "torch 2.11 package, or build without the pytorch backend: -DAIEB_PYTORCH=OFF")
endif()
file(STRINGS ${AIEB_TORCH_DIR}/version.py AIEB_TORCH_VERSION_LINE REGEX "^__version__")
if(NOT AIEB_TORCH_VERSION_LINE MATCHES "2\\.11\\.")
  message(FATAL_ERROR "torch 2.11 is needed (libtorch's C++ ABI is per minor version); "
                      "found ${AIEB_TORCH_VERSION_LINE} in ${AIEB_TORCH_DIR}")
endif()

add_library(aieb_torch INTERFACE)
add_library(aieb::torch ALIAS aieb_torch)
target_include_directories(aieb_torch SYSTEM INTERFACE ${AIEB_TORCH_DIR}/include)
target_link_directories(aieb_torch INTERFACE ${AIEB_TORCH_DIR}/lib)
target_link_libraries(aieb_torch INTERFACE torch_cpu c10)
# No run path: the plug-in is loaded after libtorch has been opened from the configured environment.
get_filename_component(AIEB_TORCH_SITE ${AIEB_TORCH_DIR} DIRECTORY)
target_link_options(aieb_torch INTERFACE
  -Wl,-rpath-link,${AIEB_TORCH_DIR}/lib -Wl,-rpath-link,${AIEB_TORCH_SITE}/nvidia/cu13/lib
  -Wl,--allow-shlib-undefined)

# The CUDA half, for the part of the engine that records graphs. Its headers need the CUDA runtime's.
# A build of torch for CPUs alone has none, and the part is left out.
if(NOT EXISTS ${AIEB_TORCH_DIR}/lib/libtorch_cuda.so)
  return()
endif()
if(NOT EXISTS ${AIEB_TORCH_SITE}/nvidia/cu13/include/crt/host_defines.h)
  message(FATAL_ERROR "The CUDA runtime's headers are missing beside ${AIEB_TORCH_DIR}. Run "
                      "./run_benchmark.sh, or pip install -r tools/requirements-cpu.txt --no-deps")
endif()
add_library(aieb_torch_cuda INTERFACE)
add_library(aieb::torch_cuda ALIAS aieb_torch_cuda)
target_include_directories(aieb_torch_cuda SYSTEM INTERFACE ${AIEB_TORCH_SITE}/nvidia/cu13/include)
target_link_libraries(aieb_torch_cuda INTERFACE aieb_torch torch_cuda c10_cuda)
