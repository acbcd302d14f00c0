// What happens to checkpoints in the world: kills, full disks, flipped bits. A whole older one must survive all of it,
// and damage must never be loaded as if it were weights.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "src/checkpoint/checkpoint.hpp"
#include "src/support/file.hpp"
#include "tests/checkpoint/file_size_limit.hpp"
#include "tests/checkpoint/simulated_grid.hpp"
#include "tests/support/as_nobody.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;

void flip_bit(const fs::path& path, std::uint64_t bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(bit / 8));
  const char byte = static_cast<char>(file.get() ^ (1 << bit % 8));
  file.seekp(static_cast<std::streamoff>(bit / 8));
  file.put(byte);
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// Random bits, and one in every few hundred bytes, so that no region of any file is left out.
std::vector<std::uint64_t> bits_to_flip(const fs::path& file, int random_ones) {
  constexpr std::uint64_t kRegions = 100;
  const std::uint64_t bits = 8 * fs::file_size(file);
  std::vector<std::uint64_t> flips;
  Random random(1, "flips");
  for (int i = 0; i < random_ones; ++i) flips.push_back(random.below(bits));
  for (std::uint64_t i = 0; i < kRegions; ++i) flips.push_back(bits * i / kRegions + random.below(bits / kRegions));
  return flips;
}

constexpr Grid kGrid{2, 2};

TEST(CheckpointDamage, AnyFlippedBitIsFound) {
  const TemporaryFolder folder;
  const model::LlamaConfig config = grid_config(false);
  write_as(kGrid, folder.path(), config, GlobalValues<float>(config, 1), 1);
  ASSERT_EQ(files_in(folder.path()).size(), 7u);
  for (const fs::path& file : files_in(folder.path())) {
    for (const std::uint64_t bit : bits_to_flip(file, 100)) {
      flip_bit(file, bit);
      EXPECT_THROW(verify(folder.path()), Error) << file << " bit " << bit;
      flip_bit(file, bit);
    }
  }
  verify(folder.path());
}

// Without the hashes too (the file may change after it was verified): HDF5's checksums see it or the values are right.
template <class T>
void expect_flips_seen(int random_ones) {
  const TemporaryFolder folder;
  const model::LlamaConfig config = grid_config(false);
  const GlobalValues<T> values(config, 1);
  write_as(kGrid, folder.path(), config, values, 1);
  for (const std::string name : {"shard-0000-0000.h5", "shard-0001-0001.h5"}) {
    const fs::path file = folder.path() / name;
    int seen = 0;
    for (const std::uint64_t bit : bits_to_flip(file, random_ones)) {
      SCOPED_TRACE(name + " bit " + std::to_string(bit));
      flip_bit(file, bit);
      RankModel<T> model(config, {}, 0);
      try {
        model.load(folder.path());
        model.expect(values, 1);
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ExitCode::kBadInput) << error.what();
        ++seen;
      }
      flip_bit(file, bit);
    }
    EXPECT_GT(seen, 0);
  }
}

TEST(CheckpointDamage, AFlippedBitIsNeverLoadedAsAValue) { expect_flips_seen<float>(100); }
TEST(CheckpointDamage, AFlippedBitIsNeverLoadedAsAValueInBfloat16) { expect_flips_seen<Bfloat16>(0); }

TEST(CheckpointDamage, MissingAndShortenedFilesAreFound) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 1);
  save<float>(folder.path(), 2);
  for (const fs::path& file : files_in(folder.path() / "step_2")) {
    const std::string content = read_file(file);
    for (const std::size_t length : {std::size_t{0}, content.size() / 2, content.size() - 1}) {
      write_file(file, content.substr(0, length));
      EXPECT_EQ(find_newest(folder.path()), folder.path() / "step_1") << file << " of " << length;
    }
    fs::remove(file);
    EXPECT_EQ(find_newest(folder.path()), folder.path() / "step_1") << "without " << file;
    write_file(file, content);
    EXPECT_EQ(find_newest(folder.path()), folder.path() / "step_2");
  }
  // A file longer than it was is not the file either.
  std::ofstream(folder.path() / "step_2/deck.toml", std::ios::app) << "\n";
  EXPECT_EQ(find_newest(folder.path()), folder.path() / "step_1");
}

TEST(CheckpointDamage, WhenEveryOneIsBrokenTheRunRefuses) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 1);
  save<float>(folder.path(), 2);
  for (const std::string name : {"step_1", "step_2"}) flip_bit(folder.path() / name / "shard-0000-0000.h5", 12345);
  const std::string message = message_of(ExitCode::kBadInput, [&] { find_newest(folder.path()); });
  EXPECT_NE(message.find("step_2/shard-0000-0000.h5"), std::string::npos) << message;
}

TEST(CheckpointDamage, AFolderThatCannotBeListedIsNotEmpty) {
  const TemporaryFolder folder;
  save<float>(folder.path() / "sft", 1);
  const auto expect_refused = [](const fs::path& stage, const std::string& reason) {
    parallel::SerialCommunicator alone;
    for (const std::string& message : {message_of(ExitCode::kBadInput, [&] { find_newest(stage); }),
                                       message_of(ExitCode::kBadInput, [&] { find_model(stage, alone); })})
      EXPECT_NE(message.find(stage.string() + ": " + reason), std::string::npos) << message;
  };
  expect_refused(folder.path() / "sft/step_1/manifest.json", "Not a directory");
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod((folder.path() / "sft").c_str(), 0), 0);
  {
    const AsNobody nobody;
    expect_refused(folder.path() / "sft", "Permission denied");
    EXPECT_EQ(find_newest(folder.path() / "align"), std::nullopt);
  }
  ASSERT_EQ(::chmod((folder.path() / "sft").c_str(), 0755), 0);
}

// Nobody may write in step_1, whoever owns it.
TEST(CheckpointDamage, AnOldOneThatCannotBeRemovedTakesNothingAway) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 1);
  for (const fs::path& path : {folder.path(), folder.path() / "step_1"})
    ASSERT_TRUE(::geteuid() != 0 || ::chown(path.c_str(), AsNobody::kNobody, 0) == 0);
  ASSERT_EQ(::chmod((folder.path() / "step_1").c_str(), 0555), 0);
  fs::path left;
  {
    const AsNobody nobody;
    for (const std::int64_t step : {2, 3}) {
      save<float>(folder.path(), step, 1);
      const fs::path newest = folder.path() / ("step_" + std::to_string(step));
      EXPECT_EQ(find_newest(folder.path()), newest);
      ASSERT_EQ(files_in(folder.path()).size(), 2u);
      left =
          files_in(folder.path()).front() == newest ? files_in(folder.path()).back() : files_in(folder.path()).front();
      EXPECT_TRUE(left.filename().string().starts_with("step_1")) << left;
    }
  }
  ASSERT_EQ(::chmod(left.c_str(), 0755), 0);
  save<float>(folder.path(), 4, 1);
  EXPECT_EQ(files_in(folder.path()), std::vector{folder.path() / "step_4"});
}

// What a kill leaves between the rename and the end of pruning.
TEST(CheckpointDamage, PruningIsFinishedAtTheNextStart) {
  const TemporaryFolder folder;
  parallel::SerialCommunicator alone;
  const auto start = [&](int keep) { finish_pruning(*find_newest(folder.path()), keep, alone); };
  for (const std::int64_t step : {1, 2, 3}) save<float>(folder.path(), step);
  fs::create_directory(folder.path() / "step_2.discarded.tmp");
  fs::create_directory(folder.path() / "step_4.tmp");
  start(2);
  EXPECT_EQ(files_in(folder.path()), (std::vector{folder.path() / "step_2", folder.path() / "step_3"}));
  // A broken one that is newer stays for who looks for the cause, and counts for nothing.
  fs::resize_file(folder.path() / "step_3/deck.toml", 1);
  start(1);
  EXPECT_EQ(files_in(folder.path()), (std::vector{folder.path() / "step_2", folder.path() / "step_3"}));
  // The one that was replaced is the newest, as long as its replacement is not whole.
  fs::rename(folder.path() / "step_2", folder.path() / "step_2.replaced");
  start(1);
  EXPECT_EQ(find_newest(folder.path()), folder.path() / "step_2.replaced");
  fs::copy(folder.path() / "step_2.replaced", folder.path() / "step_2");
  start(1);
  EXPECT_EQ(files_in(folder.path()), (std::vector{folder.path() / "step_2", folder.path() / "step_3"}));
}

TEST(CheckpointDamage, ASaveThatFailsAtItsEndLeavesNothing) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 1);
  fs::create_directories(folder.path() / "best/in the way");
  const SmallModel<float> model(2);
  Progress progress = progress_at(2);
  progress.best_step = 1;
  message_of(ExitCode::kCannotWrite, [&] {
    save_checkpoint<float>(folder.path(), progress, model.config, model.store, &model.optimizer, small_tokenizer(), 1,
                           one_rank());
  });
  EXPECT_EQ(files_in(folder.path()), (std::vector{folder.path() / "best", folder.path() / "step_1"}));
}

// Every state a kill can leave while step_2 is written beside step_1: part of step_2.tmp, its last file cut.
TEST(CheckpointDamage, AKillAtAnyPointLeavesTheOlderOne) {
  const TemporaryFolder source, folder;
  save<float>(source.path(), 2);
  save<float>(folder.path(), 1);
  const std::vector<fs::path> files = files_in(source.path() / "step_2");
  for (std::size_t complete = 0; complete <= files.size(); ++complete) {
    for (const bool with_part : {false, true}) {
      const fs::path temporary = folder.path() / "step_2.tmp";
      fs::remove_all(folder.path() / "step_2");
      fs::create_directory(temporary);
      for (std::size_t i = 0; i < complete; ++i) fs::copy(files[i], temporary);
      if (with_part && complete < files.size()) {
        const std::string content = read_file(files[complete]);
        write_file(temporary / files[complete].filename(), content.substr(0, content.size() / 2));
      }
      ASSERT_EQ(find_newest(folder.path()), folder.path() / "step_1");
      save<float>(folder.path(), 2);  // and the next save clears it away
      ASSERT_EQ(find_newest(folder.path()), folder.path() / "step_2");
      ASSERT_FALSE(fs::exists(temporary));
    }
  }
}

// A process of its own that saves without end, to be killed: see below.
constexpr const char* kVictimFolder = "RECPO_TEST_VICTIM_FOLDER";

TEST(CheckpointDamage, DISABLED_SaveUntilKilled) {
  const char* folder = std::getenv(kVictimFolder);
  ASSERT_NE(folder, nullptr);
  for (std::int64_t step = 1;; ++step) save<float>(folder, 1 + step % 3, 1);  // the same steps again and again
}

TEST(CheckpointDamage, AKilledProcessLeavesAWholeCheckpoint) {
  constexpr int kKills = 12;
  const TemporaryFolder folder;
  save<float>(folder.path(), 1);
  Random random(3, "kills");
  std::string setting = std::string(kVictimFolder) + "=" + folder.path().string();
  std::string program = fs::read_symlink("/proc/self/exe").string();
  std::string filter = "--gtest_filter=*SaveUntilKilled", disabled = "--gtest_also_run_disabled_tests",
              quiet = "--gtest_brief=1";
  char* arguments[] = {program.data(), filter.data(), disabled.data(), quiet.data(), nullptr};
  std::string threads = "OMP_NUM_THREADS=1", bind = "OMP_PROC_BIND=false";
  char* environment[] = {setting.data(), threads.data(), bind.data(), nullptr};
  for (int i = 0; i < kKills; ++i) {
    pid_t child = 0;
    ASSERT_EQ(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environment), 0);
    ::usleep(static_cast<useconds_t>(100'000 + random.below(100'000)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended before it was killed";
    const auto newest = find_newest(folder.path());
    ASSERT_TRUE(newest.has_value());
    for (const fs::path& path : files_in(folder.path()))
      if (path.extension() != ".tmp") verify(path);  // not only the newest: nothing half removed is left in sight
    SmallModel<float> model(99);
    load_weights(*newest, model.store);
    const SmallModel<float> written(static_cast<std::uint64_t>(read_manifest(*newest).progress.step));
    expect_same_bits(host_values(model.store.weights()), host_values(written.store.weights()));
  }
}

// The same step saved again: the whole one steps aside before the new one takes its name.
TEST(CheckpointDamage, AKillBetweenTheTwoRenamesLeavesTheReplacedOne) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 2);
  fs::rename(folder.path() / "step_2", folder.path() / "step_2.replaced");
  ASSERT_EQ(find_newest(folder.path()), folder.path() / "step_2.replaced");
  save<float>(folder.path(), 2);
  ASSERT_EQ(find_newest(folder.path()), folder.path() / "step_2");
  EXPECT_FALSE(fs::exists(folder.path() / "step_2.replaced"));
  // A broken one of the same name is simply taken away, whatever was replaced before stays until then.
  flip_bit(folder.path() / "step_2/shard-0000-0000.h5", 4321);
  save<float>(folder.path(), 2);
  ASSERT_EQ(find_newest(folder.path()), folder.path() / "step_2");
}

TEST(CheckpointDamage, AFullDiskIsSaidAndLeavesTheOlderOne) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 1);
  std::uint64_t largest = 0;
  for (const fs::path& file : files_in(folder.path() / "step_1"))
    largest = std::max<std::uint64_t>(largest, fs::file_size(file));
  constexpr std::uint64_t kSteps = 25;
  for (std::uint64_t i = 0; i < kSteps; ++i) {
    ExitCode code = ExitCode::kDone;
    std::string message;
    with_file_size_limit(largest * i / kSteps, [&] {
      try {
        save<float>(folder.path(), 2);
      } catch (const Error& error) {
        code = error.code();
        message = error.what();
      }
    });
    ASSERT_EQ(code, ExitCode::kCannotWrite) << "limit " << largest * i / kSteps << ": " << message;
    EXPECT_NE(message.find(folder.path().string()), std::string::npos) << message;
    EXPECT_NE(message.find("File too large"), std::string::npos) << message;
    ASSERT_EQ(files_in(folder.path()), std::vector<fs::path>{folder.path() / "step_1"});
    ASSERT_EQ(find_newest(folder.path()), folder.path() / "step_1");
  }
  save<float>(folder.path(), 2);
  EXPECT_EQ(find_newest(folder.path()), folder.path() / "step_2");
}

}  // namespace
}  // namespace recpo::checkpoint
