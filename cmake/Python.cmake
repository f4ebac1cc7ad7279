# CPython and nanobind for the extension. From 3.12 on one library serves all later versions; CMake
# finds that stable ABI from 3.26 on.
if(NOT Python_EXECUTABLE AND EXISTS ${AIEB_VENV}/bin/python)
  set(Python_EXECUTABLE ${AIEB_VENV}/bin/python)
endif()
set(AIEB_PYTHON_PARTS Interpreter Development.Module)
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.26)
  list(APPEND AIEB_PYTHON_PARTS OPTIONAL_COMPONENTS Development.SABIModule)
endif()
find_package(Python 3.10 REQUIRED COMPONENTS ${AIEB_PYTHON_PARTS})

# An isolated build's nanobind is in a folder that is gone at the next one.
if(NOT EXISTS "${nanobind_DIR}/nanobind-config.cmake")
  unset(nanobind_DIR CACHE)
  execute_process(COMMAND ${Python_EXECUTABLE} -m nanobind --cmake_dir
                  OUTPUT_VARIABLE nanobind_DIR OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT nanobind_DIR)
  message(FATAL_ERROR
    "nanobind not found in ${Python_EXECUTABLE}. ./run_tests.sh installs it; or pip install nanobind, "
    "or build without the Python package: -DAIEB_PYTHON=OFF")
endif()
find_package(nanobind 3.0 CONFIG REQUIRED)
