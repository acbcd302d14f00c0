#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "src/support/file.hpp"
#include "src/train/metrics_log.hpp"

namespace recpo::train {
namespace {
namespace fs = std::filesystem;

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

// Records that TensorBoard 2.21's own RecordWriter made of the same events.
TEST(EventFile, RecordsAreThoseOfTensorBoard) {
  EXPECT_EQ(version_record(1700000000.5),
            bytes_of("1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110"));
  EXPECT_EQ(scalars_record(1700000001.25, 300, {{"train/loss", 0.7}, {"train/logps/chosen", -12.5}}),
            bytes_of("3c00000000000000c8b7a3520900005040fc54d94110ac022a2e0a110a0a747261696e2f6c6f7373153333333f0a190a"
                     "12747261696e2f6c6f6770732f63686f73656e15000048c14a54479d"));
}

class ContinuedEventFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "recpo-events-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = fs::path(name) / "sft";
  }
  void TearDown() override { fs::remove_all(folder_.parent_path()); }

  fs::path file() const {
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
    return fs::directory_iterator(folder_)->path();
  }
  fs::path folder_;
};

TEST_F(ContinuedEventFile, DropsLaterAndIncompleteEvents) {
  const auto write = [&](std::int64_t last_step, std::int64_t end) {
    const EventFile events(folder_, last_step);
    for (std::int64_t step = last_step + 1; step <= end; ++step) events.add(step, {{"train/loss", 1.0}});
  };
  const std::size_t version = version_record(0).size(), event = scalars_record(0, 1, {{"train/loss", 1.0}}).size();
  write(0, 5);
  EXPECT_EQ(fs::file_size(file()), version + 5 * event);
  const std::string before = read_file(file());
  std::ofstream(file(), std::ios::app) << "part of a record";
  write(3, 3);
  EXPECT_EQ(read_file(file()), before.substr(0, version + 3 * event));
  write(3, 7);
  EXPECT_EQ(fs::file_size(file()), version + 7 * event);
  write(0, 0);  // from the start
  EXPECT_EQ(fs::file_size(file()), version);
}

}  // namespace
}  // namespace recpo::train
