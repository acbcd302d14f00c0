// A failure of any rank is the same error on all of them, on 1 to 4 ranks.

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <new>
#include <thread>

#include "src/parallel/collective_try.hpp"
#include "src/parallel/mpi_communicator.hpp"

namespace recpo::parallel {
namespace {

ProcessGrid make_grid() { return make_process_grid(parallel::Backend::kAuto, 1); }

// The error that `work` ends in, on this rank.
Outcome error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

TEST(Outcome, HasACodeForEveryException) {
  const auto of = [](const auto& exception) { return outcome_of(std::make_exception_ptr(exception)); };
  const Outcome error = of(Error(ExitCode::kBadInput, "rows.h5: broken"));
  EXPECT_EQ(error.code, ExitCode::kBadInput);
  EXPECT_EQ(error.text, "rows.h5: broken");
  EXPECT_EQ(of(std::filesystem::filesystem_error("rename", std::error_code())).code, ExitCode::kCannotWrite);
  EXPECT_EQ(of(std::bad_alloc()).code, ExitCode::kInternal);
  EXPECT_NE(of(std::bad_alloc()).text.find("out of memory: "), std::string::npos);
  EXPECT_EQ(of(std::runtime_error("odd")).text, "internal error: odd");
  EXPECT_EQ(of(1).text, "internal error: unknown exception");
  EXPECT_TRUE(of(1).failed());
  EXPECT_FALSE(Outcome{}.failed());
}

TEST(CollectiveTry, GathersResultsInRankOrder) {
  const ProcessGrid grid = make_grid();
  const auto name = [](int rank) { return std::string(static_cast<std::size_t>(rank), '-') + "\n rank"; };
  const auto results = collective_gather(*grid.world, [&] { return name(grid.world->rank()); });
  ASSERT_EQ(results.size(), static_cast<std::size_t>(grid.world->size()));
  for (int rank = 0; rank < grid.world->size(); ++rank) EXPECT_EQ(results[static_cast<std::size_t>(rank)], name(rank));
}

TEST(CollectiveTry, ThrowsTheLowestFailureOnEveryRank) {
  const ProcessGrid grid = make_grid();
  const int last = grid.world->size() - 1, first_to_fail = grid.world->size() / 2;
  const Outcome error = error_of([&] {
    collective_try(*grid.world, [&] {
      if (grid.world->rank() >= first_to_fail) throw_write("rank {} of {}", grid.world->rank(), last);
    });
  });
  EXPECT_EQ(error.code, ExitCode::kCannotWrite);
  EXPECT_EQ(error.text, fmt::format("rank {} of {}", first_to_fail, last));
  collective_try(*grid.world, [] {});  // the ranks are still together
}

TEST(CollectiveTry, AsksWhileItWaits) {
  const ProcessGrid grid = make_grid();
  int asked = 0;
  const auto keep_waiting = [&] {
    ++asked;
    return true;
  };
  const auto work = [&] {
    if (grid.world->rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return std::string("done");
  };
  EXPECT_EQ(collective_gather(*grid.world, work, keep_waiting).back(), "done");
  if (grid.world->rank() > 0) {
    EXPECT_GE(asked, 2);
  }
}

TEST(CollectiveTry, CallsTheProgramsHookWhileItWaits) {
  const ProcessGrid grid = make_grid();
  int called = 0;
  set_waiting_hook([&] { ++called; });
  const auto work = [&] {
    if (grid.world->rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  collective_try(*grid.world, work);
  if (grid.world->rank() > 0) {
    EXPECT_GE(called, 2);
  }
  const int before = called;
  collective_try(*grid.world, work, [] { return true; });  // in its place
  set_waiting_hook({});
  collective_try(*grid.world, work);
  EXPECT_EQ(called, before);
}

TEST(ExchangeOutcomes, GivesUpOnARankThatDoesNotCome) {
  MpiCommunicator world(MPI_COMM_WORLD);  // not freed with a barrier that some ranks have left
  if (world.size() == 1) return;          // there is no other rank to wait for
  if (world.rank() > 0) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
    const auto keep_waiting = [&] { return std::chrono::steady_clock::now() < deadline; };
    EXPECT_FALSE(exchange_outcomes(world, {ExitCode::kBadInput, "mine"}, keep_waiting));
  } else {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_TRUE(world.barrier_while([] { return true; }));  // comes after all, and completes the others' barrier
  }
}

}  // namespace
}  // namespace recpo::parallel
