#include <gtest/gtest.h>

#include <filesystem>

#include "src/plan/node.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::plan {
namespace {
namespace fs = std::filesystem;

const fs::path kNodes = fs::path(RECPO_SOURCE_DIR) / "inputs/nodes";

std::string a6000() { return read_file(kNodes / "a6000x8.toml"); }

// The file with one line replaced; an empty replacement removes it.
std::string changed(const std::string& key, const std::string& line) {
  std::string text = a6000();
  const std::size_t begin = text.find("\n" + key + " = ") + 1;
  return text.replace(begin, text.find('\n', begin) - begin, line);
}

void expect_refused(const std::string& text, const std::vector<std::string>& parts) {
  try {
    read_node_text(text, "n.toml");
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " in: " << error.what();
    }
  }
}

TEST(NodeFile, ReadsUnits) {
  const plan::Node node = read_node_text(a6000(), "n.toml");
  EXPECT_EQ(node.ranks, 8);
  EXPECT_EQ(node.precision, model::Precision::kBf16);
  EXPECT_EQ(node.memory, 48.0 * 1024 * 1024 * 1024);
  EXPECT_EQ(node.peak_flops, 154.8e12);
  EXPECT_EQ(node.memory_bandwidth, 768e9);
  EXPECT_DOUBLE_EQ(node.pair.latency, 20e-6);
}

TEST(NodeFile, ShippedFilesAreWhole) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(kNodes)) {
    EXPECT_NO_THROW(read_node_file(entry.path())) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 4);
}

TEST(NodeFile, LinksOfGroups) {
  const plan::Node node = read_node_file(kNodes / "a6000x8.toml");
  EXPECT_EQ(node.tensor_link(2).bandwidth, node.bridge.bandwidth);
  EXPECT_EQ(node.tensor_link(4).bandwidth, node.shared_bandwidth);
  EXPECT_EQ(node.data_link(2, 4).bandwidth, node.shared_bandwidth);
  EXPECT_EQ(node.without_bridges().tensor_link(2).bandwidth, node.pair.bandwidth);
  const plan::Node switched = read_node_file(kNodes / "h100x8.toml");
  EXPECT_EQ(switched.tensor_link(8).bandwidth, switched.bridge.bandwidth);
  EXPECT_EQ(switched.data_link(2, 4).bandwidth, switched.bridge.bandwidth);
}

TEST(NodeFile, MistakesNameFileKeyAndWhatIsRight) {
  expect_refused(changed("memory_gib", "memory_gb = 48"), {"n.toml:8", "node.memory_gb", "did you mean"});
  expect_refused(changed("memory_gib", ""), {"n.toml", "node.memory_gib is missing", "a6000x8.toml"});
  expect_refused(changed("ranks", "ranks = 0"), {"n.toml:", "node.ranks", "at least 1"});
  expect_refused(changed("ranks", "ranks = 2.5"), {"node.ranks", "whole number"});
  expect_refused(changed("peak_tflops", "peak_tflops = -1"), {"node.peak_tflops", "above 0"});
  expect_refused(changed("peak_tflops", "peak_tflops = nan"), {"node.peak_tflops", "above 0"});
  expect_refused(changed("overlap", "overlap = 1.5"), {"links.overlap", "between 0 and 1"});
  expect_refused(changed("gemm_efficiency", "gemm_efficiency = 0"), {"node.gemm_efficiency", "at most 1"});
  expect_refused(changed("precision", "precision = \"fp8\""), {"node.precision", "fp8", "fp32 | bf16"});
  expect_refused(changed("all_to_all", "all_to_all = 1"), {"links.all_to_all", "true or false"});
  expect_refused(changed("reserve_gib", "reserve_gib = 48.0"), {"n.toml:", "node.reserve_gib", "memory_gib"});
  expect_refused("[node\n", {"n.toml:1", "TOML"});
  EXPECT_THROW(read_node_file("nowhere.toml"), Error);
}

}  // namespace
}  // namespace recpo::plan
