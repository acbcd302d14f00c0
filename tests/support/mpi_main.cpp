// The main of test executables that run on several ranks. Rank 0 prints the course of the tests, every rank prints its
// own failures under its number, and a failure on one rank is a failure of that test on all: each test ends with a
// vote, so that no rank goes on with the next one alone and all exit with the same code.
#include <gtest/gtest.h>
#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <cstdio>

namespace {

class RankListener : public ::testing::EmptyTestEventListener {
 public:
  explicit RankListener(int rank) : rank_(rank) {}

  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed() || rank_ == 0) return;  // rank 0 has gtest's own printer
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", rank_, result.file_name() ? result.file_name() : "(no file)",
                 result.line_number(), result.message());
  }

  void OnTestEnd(const ::testing::TestInfo& info) override {
    int failed = info.result()->Failed() ? 1 : 0, num_failed = 0;
    MPI_Allreduce(&failed, &num_failed, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (num_failed > 0 && failed == 0) ADD_FAILURE() << info.name() << " failed on " << num_failed << " other ranks";
  }

 private:
  int rank_;
};

int run_tests(int rank) {
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (rank != 0) delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new RankListener(rank));  // gtest owns it
  int failed = RUN_ALL_TESTS();
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0, rank = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  ::testing::InitGoogleTest(&argc, argv);
  int failed = 1;
  {
    const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
    failed = run_tests(rank);
  }
  MPI_Finalize();
  return failed;
}
