#include "core/paths.h"

#include <gtest/gtest.h>

namespace aieb {
namespace {

TEST(Paths, packages_of_the_interpreter_around_the_library_come_first) {
  const size_t others = python_package_folders().size();
  set_python_package_folders({"/first", "/second"});
  const auto folders = python_package_folders();
  set_python_package_folders({});
  ASSERT_EQ(folders.size(), others + 2);
  EXPECT_EQ(folders[0], "/first");
  EXPECT_EQ(folders[1], "/second");
  EXPECT_EQ(python_package_folders().size(), others);
}

}  // namespace
}  // namespace aieb
