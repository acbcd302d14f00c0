// "There is none" is said of missing names alone; what cannot be looked at is an error.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "src/support/check.hpp"
#include "src/support/folder.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/support/as_nobody.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo {
namespace {
namespace fs = std::filesystem;

struct Places {
  TemporaryFolder folder;
  fs::path root = folder.path(), file = root / "file", link = root / "link", nowhere = root / "nowhere";

  Places() {
    std::ofstream(file) << "text";
    fs::create_symlink(nowhere, link);
    fs::create_directories(root / "b/c");
    std::ofstream(root / "b/c/last");
  }
};

TEST(Folder, TellsWhatIsThere) {
  const Places at;
  EXPECT_TRUE(is_there(at.root) && is_folder(at.root) && has_name(at.root) && !is_file(at.root));
  EXPECT_TRUE(is_there(at.file) && is_file(at.file) && !is_folder(at.file) && seems_there(at.file));
  EXPECT_TRUE(!is_there(at.nowhere) && !is_folder(at.nowhere) && !is_file(at.nowhere) && !has_name(at.nowhere));
  EXPECT_TRUE(has_name(at.link) && !is_there(at.link) && !is_file(at.link));
  EXPECT_EQ(list_folder(at.root), (std::vector<fs::path>{at.root / "b", at.file, at.link}));
  EXPECT_EQ(list_tree(at.root),
            (std::vector<fs::path>{at.root / "b", at.root / "b/c", at.root / "b/c/last", at.file, at.link}));
  EXPECT_TRUE(list_folder(at.nowhere).empty() && list_tree(at.nowhere).empty());
  require_readable(at.file);
}

TEST(Folder, AFileInAFoldersPlaceIsAnError) {
  const Places at;
  const fs::path below = at.file / "name";
  for (const auto& look : {is_there, is_folder, is_file, has_name})
    expect_failure(65, {below.string(), "Not a directory"}, [&] { look(below); });
  for (const auto& list : {list_folder, list_tree})
    expect_failure(65, {at.file.string(), "Not a directory"}, [&] { list(at.file); });
  expect_failure(65, {below.string(), "Not a directory"}, [&] { require_readable(below); });
  EXPECT_FALSE(seems_there(below));
}

TEST(Folder, OneThatMayNotBeReadIsAnError) {
  const Places at;
  const fs::path folder = at.root / "b";
  ASSERT_EQ(::chmod(at.root.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(folder.c_str(), 0), 0);
  ASSERT_EQ(::chmod(at.file.c_str(), 0), 0);
  {
    const AsNobody nobody;
    const std::string denied = ": Permission denied";
    expect_failure(65, {folder.string() + denied}, [&] { list_folder(folder); });
    expect_failure(65, {folder.string() + denied}, [&] { list_tree(at.root); });
    expect_failure(65, {(folder / "c").string() + denied}, [&] { is_there(folder / "c"); });
    expect_failure(65, {at.file.string() + denied}, [&] { require_readable(at.file); });
    EXPECT_TRUE(is_file(at.file));
  }
  ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
}

}  // namespace
}  // namespace recpo
