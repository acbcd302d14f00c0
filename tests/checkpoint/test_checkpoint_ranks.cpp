// Four ranks save together and read each other's checkpoints on other grids; a failure of one is a failure of all.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "src/support/file.hpp"
#include "tests/checkpoint/file_size_limit.hpp"
#include "tests/checkpoint/simulated_grid.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;

// One folder for all ranks.
class SharedFolder {
 public:
  explicit SharedFolder(parallel::Communicator& world) : world_(world) {
    const std::string mine = world.rank() == 0 ? folder_.emplace().path().string() : "";
    path_ = world.all_gather(mine).front();
  }
  ~SharedFolder() { world_.barrier(); }  // rank 0 removes it when all are done
  const fs::path& path() const { return path_; }

 private:
  parallel::Communicator& world_;
  std::optional<TemporaryFolder> folder_;
  fs::path path_;
};

class CheckpointRanks : public ::testing::Test {
 protected:
  RankModel<float> model_of(const Grid& grid) const { return {config_, grid, rank()}; }
  int rank() const { return world_.world->rank(); }

  void save_on(const Grid& on, std::int64_t step, const GlobalValues<float>& values) const {
    const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kMpi, on.tp);
    RankModel<float> model = model_of(on);
    model.fill(values, step);
    save_checkpoint<float>(folder_.path(), progress_at(step), config_, model.store, &model.optimizer, small_tokenizer(),
                           1, grid);
  }

  const parallel::ProcessGrid world_ = parallel::make_process_grid(parallel::Backend::kMpi, 1);
  const SharedFolder folder_{*world_.world};
  const model::LlamaConfig config_ = grid_config(false);
  const GlobalValues<float> values_{config_, 1};
};

TEST_F(CheckpointRanks, SaveOnOneGridAndLoadOnOthers) {
  std::int64_t step = 0;
  std::string identity;
  for (const Grid& writer : {Grid{2, 2, true}, Grid{2, 2, false}, Grid{4, 1, true}, Grid{1, 4, true}}) {
    save_on(writer, ++step, values_);
    const auto newest = find_newest(folder_.path(), *world_.world);
    ASSERT_EQ(newest, folder_.path() / fmt::format("step_{}", step));
    for (const Grid& reader : {Grid{2, 2}, Grid{4, 1}, Grid{1, 4}, Grid{1, 4, false}}) {
      RankModel<float> model = model_of(reader);
      model.load(*newest);
      model.expect(values_, step);
    }
    RankModel<float> alone(config_, {}, 0);
    alone.load(*newest);
    alone.expect(values_, step);
    const std::string hash = read_manifest(*newest).weights_hash;
    if (step == 1) identity = hash;
    EXPECT_EQ(hash, identity);
  }
}

TEST_F(CheckpointRanks, ImportsAreWrittenByOneGroup) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kMpi, 2);
  RankModel<float> model = model_of({2, 2});
  model.fill(values_, 0);
  save_checkpoint<float>(folder_.path(), progress_at(0), config_, model.store, nullptr, small_tokenizer(), 1, grid);
  EXPECT_FALSE(fs::exists(folder_.path() / "step_0/shard-0000-0001.h5"));
  RankModel<float> alone(config_, {}, 0);
  load_weights(folder_.path() / "step_0", alone.store);
  expect_same_bits(host_values(alone.store.weights()), alone.expected(values_, 0));
}

// Every rank throws this code and this message.
template <class Action>
std::string agreed_message(ExitCode code, parallel::Communicator& world, Action action) {
  const std::string message = message_of(code, action);
  for (const std::string& other : world.all_gather(message)) EXPECT_EQ(other, message);
  return message;
}

TEST_F(CheckpointRanks, AFullDiskOnOneRankIsOneOnAll) {
  save_on({2, 2}, 1, values_);
  for (int full = 0; full < 4; ++full) {
    for (const std::uint64_t limit : {0, 5000, 20000}) {
      const std::string message = agreed_message(ExitCode::kCannotWrite, *world_.world, [&] {
        std::exception_ptr error;  // with_file_size_limit wants nothing thrown
        with_file_size_limit(rank() == full ? limit : RLIM_INFINITY, [&] {
          try {
            save_on({2, 2}, 2, values_);
          } catch (...) {
            error = std::current_exception();
          }
        });
        if (error) std::rethrow_exception(error);
      });
      const std::string shard = fmt::format("shard-{:04}-{:04}.h5", full % 2, full / 2);
      EXPECT_NE(message.find(shard), std::string::npos) << message;
      EXPECT_FALSE(fs::exists(folder_.path() / "step_2.tmp"));
      EXPECT_EQ(find_newest(folder_.path(), *world_.world), folder_.path() / "step_1");
    }
  }
  save_on({2, 2}, 2, values_);
  EXPECT_EQ(find_newest(folder_.path(), *world_.world), folder_.path() / "step_2");
}

TEST_F(CheckpointRanks, AFolderThatCannotBeMadeIsSaidByAll) {
  if (rank() == 0) std::ofstream(folder_.path() / "file") << "in the way";
  world_.world->barrier();
  const RankModel<float> model = model_of({1, 4});
  agreed_message(ExitCode::kCannotWrite, *world_.world, [&] {
    save_checkpoint<float>(folder_.path() / "file", progress_at(1), config_, model.store, &model.optimizer,
                           small_tokenizer(), 1, world_);
  });
}

TEST_F(CheckpointRanks, DamageInAnyFileIsSeenByAll) {
  save_on({2, 2}, 1, values_);
  const fs::path checkpoint = folder_.path() / "step_1";
  verify(checkpoint, *world_.world);
  for (const std::string name : {"shard-0000-0000.h5", "shard-0000-0001.h5", "shard-0001-0000.h5", "shard-0001-0001.h5",
                                 "deck.toml", "tokenizer.json", "manifest.json"}) {
    std::string content;
    if (rank() == 0) {
      content = read_file(checkpoint / name);
      std::string damaged = content;
      damaged[damaged.size() / 2] ^= 4;
      write_file(checkpoint / name, damaged);
    }
    world_.world->barrier();
    const std::string message =
        agreed_message(ExitCode::kBadInput, *world_.world, [&] { verify(checkpoint, *world_.world); });
    EXPECT_NE(message.find(name), std::string::npos) << message;
    agreed_message(ExitCode::kBadInput, *world_.world, [&] { find_newest(folder_.path(), *world_.world); });
    if (rank() == 0) write_file(checkpoint / name, content);
    world_.world->barrier();
  }
  verify(checkpoint, *world_.world);
}

}  // namespace
}  // namespace recpo::checkpoint
