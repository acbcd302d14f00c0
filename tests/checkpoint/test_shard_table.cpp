// Tables that lie: whatever the numbers of a shard file say, it is refused with its name or read rightly.
#include <gtest/gtest.h>

#include "src/checkpoint/shard_table.hpp"
#include "tests/checkpoint/simulated_grid.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;

struct ShardContent {
  std::vector<std::string> names;
  std::vector<std::int64_t> numbers;
  std::map<std::string, std::vector<float>> arrays;
};

ShardContent read_content(const fs::path& path) {
  ShardContent content;
  const auto file = hdf5::File::open(path);
  std::istringstream names(file.read_text("names"));
  for (std::string name; std::getline(names, name);) content.names.push_back(name);
  content.numbers = file.read<std::int64_t>("pieces");
  for (const char* array : {kWeightsArray, kFirstMomentArray, kSecondMomentArray})
    content.arrays[array] = file.read<float>(array);
  return content;
}

void write_content(const fs::path& path, const ShardContent& content) {
  auto file = hdf5::File::create(path);
  std::string names;
  for (const std::string& name : content.names) names += name + "\n";
  file.write_text("names", names);
  file.write<std::int64_t>("pieces", content.numbers);
  for (const auto& [name, values] : content.arrays) file.write<float>(name, values);
  file.close();
}

enum Column { kRowBegin, kColumnBegin, kColumns, kBegin, kCount, kOffset, kWidth };

class ShardTable : public ::testing::Test {
 protected:
  ShardTable() : config_(grid_config(false)) {
    write_as(Grid{2, 2}, folder_.path(), config_, GlobalValues<float>(config_, 1), 1);
    content_ = read_content(shard());
  }
  fs::path shard() const { return folder_.path() / name_; }
  std::int64_t& number(std::size_t row, Column column) { return content_.numbers[kWidth * row + column]; }

  // Refused on loading, with the file's name.
  void expect_refused(const std::string& what) {
    SCOPED_TRACE(what);
    write_content(shard(), content_);
    RankModel<float> model(config_, {}, 0);
    const std::string message = message_of(ExitCode::kBadInput, [&] { model.load(folder_.path()); });
    EXPECT_NE(message.find(name_), std::string::npos) << message;
  }
  const std::string name_ = "shard-0000-0000.h5";
  const TemporaryFolder folder_;
  const model::LlamaConfig config_;
  ShardContent content_;
};

TEST_F(ShardTable, TheUnchangedOneIsRead) {
  write_content(shard(), content_);
  RankModel<float> model(config_, {}, 0);
  model.load(folder_.path());
  model.expect(GlobalValues<float>(config_, 1), 1);
}

TEST_F(ShardTable, NumbersThatLieAreRefused) {
  const ShardContent good = content_;
  const std::int64_t far = std::int64_t{1} << 40;
  const std::int64_t wrong[] = {-1, 1, 1000, far, INT64_MAX, INT64_MIN};
  for (std::size_t row : {std::size_t{0}, good.names.size() / 2, good.names.size() - 1}) {
    for (const Column column : {kRowBegin, kColumnBegin, kColumns, kBegin, kCount, kOffset}) {
      for (const std::int64_t change : wrong) {
        content_ = good;
        if (change == number(row, column)) continue;
        number(row, column) = change;
        expect_refused(fmt::format("{} column {}: {}", good.names[row], static_cast<int>(column), change));
      }
    }
  }
}

TEST_F(ShardTable, MissingTwiceAndUnknownAreRefused) {
  const ShardContent good = content_;
  const auto last = static_cast<std::ptrdiff_t>(number(good.names.size() - 1, kCount));
  content_.names.pop_back();
  content_.numbers.resize(content_.numbers.size() - kWidth);
  for (auto& [name, values] : content_.arrays) values.erase(values.end() - last, values.end());
  expect_refused("a part is missing");  // nothing in the file contradicts it

  content_ = good;
  content_.names.back() = content_.names.front();
  expect_refused("a name twice");
  content_.names.back() = "model.embed_tokens.weights";
  expect_refused("an unknown name");
  content_.names.back() = "";
  expect_refused("no name");
  content_ = good;
  content_.names.pop_back();
  expect_refused("more numbers than names");
  content_ = good;
  content_.numbers.pop_back();
  expect_refused("more names than numbers");
  for (const char* array : {kWeightsArray, kFirstMomentArray, kSecondMomentArray}) {
    content_ = good;
    content_.arrays.at(array).pop_back();
    expect_refused(fmt::format("{} too short", array));
    content_.arrays.at(array).resize(good.arrays.at(array).size() + 1);
    expect_refused(fmt::format("{} too long", array));
    content_.arrays.erase(array);
    expect_refused(fmt::format("no {}", array));
  }
}

// A file in which the master weights are left out, too short or too long, beside bfloat16 weights that are whole.
TEST(ShardTableBfloat16, MasterWeightsThatAreNotThereAreRefused) {
  const model::LlamaConfig config = grid_config(false);
  for (const std::int64_t missing : {INT64_MAX, std::int64_t{1}, std::int64_t{-1}, std::int64_t{0}}) {
    SCOPED_TRACE(missing);
    const TemporaryFolder folder;
    const GlobalValues<Bfloat16> values(config, 1);
    write_as(Grid{2, 1}, folder.path(), config, values, 1);
    const fs::path shard = folder.path() / "shard-0001-0000.h5";
    const auto whole = hdf5::File::open(shard);
    auto file = hdf5::File::create(folder.path() / "changed");
    file.write_text("names", whole.read_text("names"));
    file.write<std::int64_t>("pieces", whole.read<std::int64_t>("pieces"));
    file.write<std::uint16_t>(kWeightsArray, whole.read<std::uint16_t>(kWeightsArray));
    for (const char* array : {kFirstMomentArray, kSecondMomentArray})
      file.write<float>(array, whole.read<float>(array));
    std::vector<float> master = whole.read<float>(kMasterArray);
    if (missing != INT64_MAX) {
      master.resize(master.size() - static_cast<std::size_t>(missing));
      file.write<float>(kMasterArray, master);
    }
    file.close();
    fs::rename(folder.path() / "changed", shard);
    RankModel<Bfloat16> model(config, {}, 0);
    if (missing == 0) {  // so that the others are refused for what they lack
      model.load(folder.path());
      model.expect(values, 1);
      continue;
    }
    const std::string message = message_of(ExitCode::kBadInput, [&] { model.load(folder.path()); });
    EXPECT_NE(message.find(shard.filename().string()), std::string::npos) << message;
    EXPECT_NE(message.find(kMasterArray), std::string::npos) << message;
  }
}

// The same elements in two files, and so others in none: counts alone would not tell.
TEST_F(ShardTable, OverlapIsRefusedWithBothNames) {
  fs::copy_file(shard(), folder_.path() / "shard-0000-0001.h5", fs::copy_options::overwrite_existing);
  RankModel<float> model(config_, {}, 0);
  const std::string message = message_of(ExitCode::kBadInput, [&] { model.load(folder_.path()); });
  for (const std::string name : {"shard-0000-0000.h5", "shard-0000-0001.h5"})
    EXPECT_NE(message.find(name), std::string::npos) << message;
}

}  // namespace
}  // namespace recpo::checkpoint
