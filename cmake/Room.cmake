# aieb_room(name SOURCES ... DEPENDS ...): one static library aieb_<name> for src/<name>/.
# DEPENDS is public, so the allowed arrows between rooms are exactly what these lists say.
function(aieb_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(aieb_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(aieb_${name} PUBLIC aieb_options ${ARG_DEPENDS})
endfunction()

# aieb_room_test(room SOURCES ... [DEPENDS ...]): the GoogleTest program test_<room> of one room.
function(aieb_room_test room)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(test_${room} ${ARG_SOURCES})
  target_include_directories(test_${room} PRIVATE ${CMAKE_SOURCE_DIR}/tests/cpp)
  target_compile_definitions(test_${room} PRIVATE AIEB_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                                  AIEB_BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(test_${room} PRIVATE aieb_options ${ARG_DEPENDS} GTest::gtest GTest::gmock
                                             GTest::gtest_main)
  # Tests are compiled once and run for seconds: optimising them less compiles a sixth faster.
  target_compile_options(test_${room} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  gtest_discover_tests(test_${room} TEST_PREFIX ${room}. DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS ${room})
endfunction()
