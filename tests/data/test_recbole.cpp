// Data set files in other shapes than MovieLens-1M's: RecBole's atomic files and MovieLens-100K as published.

#include <gtest/gtest.h>

#include "src/support/file.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/data/raw_files.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {
TEST(Recbole, ColumnsAreFoundByTheirHeader) {
  const TemporaryFolder folder;
  write_file(folder.path() / "x.item",
             "release_year:token\titem_id:token\tmovie_title:token_seq\n1995\t7\tUsual Suspects, The\n1996\tb\tÉté\n");
  write_file(folder.path() / "x.inter",
             "timestamp:float\trating:float\titem_id:token\tuser_id:token\n5\t4\t7\tu\r\n6.5\t3.5\tb\tv\n");
  for (const char* name : {"recbole", "ml-100k"}) {
    const Ratings ratings = import_folder(name, folder.path()).ratings;
    ASSERT_EQ(ratings.interactions.size(), 2u);
    EXPECT_EQ(ratings.items[0].title, "The Usual Suspects (1995)");
    EXPECT_EQ(ratings.items[1].title, "Été (1996)");
    EXPECT_EQ(ratings.users, (std::vector<std::string>{"u", "v"}));
    EXPECT_EQ(ratings.interactions[1].rating, 3.5);
    EXPECT_EQ(ratings.interactions[1].time, 6);
  }
}

TEST(Recbole, MissingColumnsAndFilesAreNamed) {
  const TemporaryFolder folder;
  expect_failure(65, {"*.inter"}, [&] { import_folder("recbole", folder.path()); });
  expect_failure(65, {"u.data"}, [&] { import_folder("ml-100k", folder.path()); });
  write_file(folder.path() / "x.item", "item_id:token\ttitle:token\n1\tA\n");
  write_file(folder.path() / "x.inter", "user_id:token\titem_id:token\ttimestamp:float\nu\t1\t5\n");
  expect_failure(65, {"x.inter:1", "rating"}, [&] { import_folder("recbole", folder.path()); });
  write_file(folder.path() / "x.item", "item_id:token\n1\n");
  expect_failure(65, {"x.item:1", "title"}, [&] { import_folder("recbole", folder.path()); });
  write_file(folder.path() / "y.item", "item_id:token\n1\n");
  expect_failure(65, {"more than one *.item"}, [&] { import_folder("recbole", folder.path()); });
}

TEST(MovieLens100KFiles, PublishedFilesAreLatin1WithBars) {
  const TemporaryFolder folder;
  write_file(folder.path() / "u.item",
             "1|Toy Story (1995)|01-Jan-1995||http://x|0|1\n543|Mis\xe9rables, Les (1995)|01-Jan-1995||http://y|1|0\n");
  write_file(folder.path() / "u.data", "196\t543\t3\t881250949\n186\t1\t5\t891717742");
  const Ratings ratings = import_folder("ml-100k", folder.path()).ratings;
  ASSERT_EQ(ratings.interactions.size(), 2u);
  EXPECT_EQ(ratings.items[1].title, "Misérables, Les (1995)");
  EXPECT_EQ(ratings.interactions[0].item, 1);
  EXPECT_EQ(ratings.interactions[1].time, 891717742);
  write_file(folder.path() / "u.item", "1|A (1995)\n1|B (1995)\n");
  expect_failure(65, {"u.item:2", "twice"}, [&] { import_folder("ml-100k", folder.path()); });
}

}  // namespace recpo::data
