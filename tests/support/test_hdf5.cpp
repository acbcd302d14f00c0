// The HDF5 owner: what is written is read back, what is broken is refused, and a full disk is an error, not a crash.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <numeric>

#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/hdf5.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo {
namespace {
std::vector<double> ramp(std::size_t size) {
  std::vector<double> values(size);
  std::iota(values.begin(), values.end(), 0.5);
  return values;
}

ExitCode code_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::kDone;
}
}  // namespace

TEST(Hdf5, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.h5";
  const std::vector<double> values = ramp(300000);  // more than one chunk
  {
    auto file = hdf5::File::create(path);
    file.write<double>("moments/m", values);
    file.write<std::int32_t>("empty", {});
    file.create_array<double>("pieces", 300000);
    file.write_slice<double>("pieces", 200000, std::span(values).subspan(200000));
    file.write_slice<double>("pieces", 0, std::span(values).first(200000));
    file.write_text("text", "grüße\n", hdf5::Compression::kDeflate);
    file.write_attribute("step", std::int64_t{7});
    file.write_attribute("rate", 0.1);
    file.write_attribute("none", std::string_view());
    file.write_attribute("name", "recpo");
    file.close();
  }
  const auto file = hdf5::File::open(path);
  EXPECT_EQ(file.read<double>("moments/m"), values);
  EXPECT_EQ(file.read<double>("pieces"), values);
  EXPECT_TRUE(file.read<std::int32_t>("empty").empty());
  EXPECT_EQ(file.read_text("text"), "grüße\n");
  EXPECT_EQ(file.read_integer("step"), 7);
  EXPECT_EQ(file.read_real("rate"), 0.1);
  EXPECT_EQ(file.read_string("none"), "");
  EXPECT_EQ(file.read_string("name"), "recpo");
  std::vector<double> slice(3);
  file.read_slice<double>("moments/m", 131071, slice);  // across a chunk's border
  EXPECT_EQ(slice, (std::vector<double>{131071.5, 131072.5, 131073.5}));
}

TEST(Hdf5, RefusesWhatDoesNotFit) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.h5";
  {
    auto file = hdf5::File::create(path);
    file.write<double>("a", ramp(10));
    file.close();
  }
  const auto file = hdf5::File::open(path);
  std::vector<double> slice(3);
  EXPECT_EQ(code_of([&] { file.read_slice<double>("a", 8, slice); }), ExitCode::kBadInput);
  EXPECT_EQ(code_of([&] { file.read_slice<double>("a", -1, slice); }), ExitCode::kBadInput);
  EXPECT_EQ(code_of([&] { file.read<float>("a"); }), ExitCode::kBadInput);
  EXPECT_EQ(code_of([&] { file.read<double>("b"); }), ExitCode::kBadInput);
  EXPECT_EQ(code_of([&] { file.read_integer("step"); }), ExitCode::kBadInput);
  EXPECT_EQ(code_of([&] { hdf5::File::open(folder.path() / "missing.h5"); }), ExitCode::kBadInput);
  EXPECT_EQ(code_of([&] { hdf5::File::create(folder.path() / "no/folder.h5"); }), ExitCode::kCannotWrite);
}

TEST(Hdf5, RefusesAnArrayThatClaimsMoreThanTheFileHolds) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.h5";
  {
    auto file = hdf5::File::create(path);
    file.create_array<double>("bomb", std::int64_t{1} << 45);  // never written: chunks do not exist
    file.close();
  }
  EXPECT_EQ(code_of([&] { hdf5::File::open(path).read<double>("bomb"); }), ExitCode::kBadInput);
}

// Every single flipped bit is refused or changes nothing: sampled over the whole file, one bit each.
TEST(Hdf5, FindsFlippedBits) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.h5";
  const std::vector<double> values = ramp(500);
  {
    auto file = hdf5::File::create(path);
    file.write<double>("a", values);
    file.close();
  }
  const std::string whole = read_file(path);
  int refused = 0;
  for (std::size_t byte = 0; byte < whole.size(); byte += 29) {
    std::string broken = whole;
    broken[byte] = static_cast<char>(broken[byte] ^ (1 << (byte % 8)));
    const auto flipped = folder.path() / "flipped.h5";
    std::ofstream(flipped, std::ios::binary) << broken;
    std::vector<double> read;
    if (code_of([&] { read = hdf5::File::open(flipped).read<double>("a"); }) == ExitCode::kBadInput)
      ++refused;
    else
      EXPECT_EQ(read, values) << "bit of byte " << byte << " was loaded silently";
  }
  EXPECT_GT(refused, 130);  // the array alone is 4000 bytes
}

// A file-size limit stands for the full disk: same path through the library, EFBIG instead of ENOSPC.
TEST(Hdf5, FullDiskIsAnError) {
  const TemporaryFolder folder;
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 100000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const ExitCode code = code_of([&] {
    auto file = hdf5::File::create(folder.path() / "full.h5");
    file.write<double>("a", ramp(100000));
    file.close();
  });
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(code, ExitCode::kCannotWrite);
}

}  // namespace recpo
