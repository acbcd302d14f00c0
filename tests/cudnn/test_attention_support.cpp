// Whether cuDNN takes attention's graphs on the GPUs that the presets build for. It judges a described device, so none
// is needed; its loader asks for a driver library, for which the toolkit's stub is enough.
#include <dlfcn.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernels/cudnn/attention_plan.hpp"
#include "kernels/cudnn/library.hpp"

namespace recpo::cudnn {
namespace {

// From the vendor's data sheets and the tables of compute capabilities in the CUDA programming guide; `layout` is the
// first in which cuDNN's backward repeats to the bit.
struct Device {
  const char* name;
  int compute_capability, multiprocessors;
  std::int64_t memory_bytes;
  int l2_bytes, clock_khz, memory_clock_khz;
  int shared_bytes_of_block, threads_of_multiprocessor, blocks_of_multiprocessor;
  AttentionLayout layout;

  // As CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION has it.
  std::string json() const {
    return fmt::format(
        R"({{"deviceName": "{}", "deviceVer": {}, "multiProcessorCount": {}, "totalGlobalMem": {}, "l2CacheSize": {},
             "smClockRateKHz": {}, "memClockRateKHz": {}, "maxSharedMemoryPerBlockOptin": {}, "maxThreadsPerSM": {},
             "maxCtasPerSM": {}, "maxSharedMemoryPerBlock": 49152, "reservedSharedMemoryPerBlock": 1024,
             "maxRegistersPerSM": 65536, "regsPerBlock": 65536, "maxThreadsPerBlock": 1024, "warpSize": 32,
             "maxBlockSize": [1024, 1024, 64], "maxGridSize": [2147483647, 65535, 65535], "supportCoopLaunch": 1,
             "driverVer": 13000, "cudaDeviceId": 0, "pciDeviceId": 0, "isTccDriver": 0}})",
        name, compute_capability * 10, multiprocessors, memory_bytes, l2_bytes, clock_khz, memory_clock_khz,
        shared_bytes_of_block, threads_of_multiprocessor, blocks_of_multiprocessor);
  }
};

const std::vector<Device> kDevices = {
    {"NVIDIA RTX A6000", 86, 84, std::int64_t{48} << 30, 6 << 20, 1800000, 8001000, 99 << 10, 1536, 16,
     AttentionLayout::kPadded},
    {"NVIDIA H100 80GB HBM3", 90, 132, std::int64_t{80} << 30, 50 << 20, 1980000, 2619000, 227 << 10, 2048, 32,
     AttentionLayout::kPacked},
};

// Llama-3.1-8B alone, half of it and a quarter of it; Qwen2.5's 14 on 2, SmolLM2's 9 on 3.
const std::vector<AttentionPlanShape> kShapes = {
    {.batch = 4, .rows = 1060, .heads = 32, .kv_heads = 8, .head_dim = 128},
    {.batch = 1, .rows = 100, .heads = 32, .kv_heads = 8, .head_dim = 128},
    {.batch = 9, .rows = 3000, .heads = 16, .kv_heads = 4, .head_dim = 128},
    {.batch = 2, .rows = 1500, .heads = 8, .kv_heads = 2, .head_dim = 128},
    {.batch = 4, .rows = 1060, .heads = 14, .kv_heads = 2, .head_dim = 64},
    {.batch = 32, .rows = 300, .heads = 9, .kv_heads = 3, .head_dim = 64},
};

class AttentionSupport : public testing::Test {
 protected:
  void SetUp() override {
    if (!unsupported_reason().empty()) GTEST_SKIP() << unsupported_reason();
    // Once loaded it is the driver library of whoever asks later.
    if (dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) == nullptr) dlopen(RECPO_CUDA_STUB, RTLD_NOW | RTLD_GLOBAL);
  }
};

std::string unsupported_reason(AttentionPlanShape shape, AttentionLayout layout, const Device& device) {
  shape.layout = layout;
  return attention_unsupported_reason(shape, device.json(), device.compute_capability);
}

// Packed rows are refused where the layout is padded, for the one reason that the backward is to repeat.
TEST_F(AttentionSupport, ForwardAndBackwardOnEveryDevice) {
  std::cout << description() << "\n";
  for (const Device& device : kDevices) {
    for (const AttentionPlanShape& shape : kShapes) {
      const std::string packed = unsupported_reason(shape, AttentionLayout::kPacked, device);
      const std::string problem = fmt::format("{}: {} x {} rows, {} heads of {} on {}", device.name, shape.batch,
                                              shape.rows, shape.heads, shape.head_dim, shape.kv_heads);
      EXPECT_EQ(unsupported_reason(shape, AttentionLayout::kPadded, device), "") << problem;
      if (device.layout == AttentionLayout::kPacked) {
        EXPECT_EQ(packed, "") << problem;
      } else {
        EXPECT_NE(packed.find("Deterministic"), std::string::npos) << problem << ": " << packed;
      }
      std::cout << problem << (packed.empty() ? ": packed\n" : ": padded\n");
    }
  }
}

TEST_F(AttentionSupport, WhatCudnnCannotDoIsRefused) {
  const Device& device = kDevices[0];
  AttentionPlanShape odd_heads = kShapes[0], long_heads = kShapes[0];
  odd_heads.kv_heads = 5;
  long_heads.head_dim = 192;  // too long for the backward of compute capability 8
  EXPECT_NE(unsupported_reason(odd_heads, device.layout, device), "");
  EXPECT_NE(unsupported_reason(long_heads, device.layout, device), "");
  AttentionPlanShape shape = kShapes[0];
  shape.layout = device.layout;
  EXPECT_NE(attention_unsupported_reason(shape, "{}", device.compute_capability), "");
}

TEST(AttentionPlanShape, RoundingUpCoversAndIsStable) {
  std::vector<AttentionPlanShape> plans;
  for (int rows = 1; rows <= 5000; rows += 7) {
    for (int batch = 1; batch <= 70; ++batch) {
      AttentionPlanShape shape = kShapes[0];
      shape.rows = rows;
      shape.batch = batch;
      const AttentionPlanShape rounded = round_up(shape);
      EXPECT_EQ(round_up(rounded), rounded);
      EXPECT_GE(rounded.rows, rows);
      EXPECT_LE(rounded.rows, std::max(rows + 127, rows * 5 / 4 + 128));
      EXPECT_GE(rounded.batch, batch);
      EXPECT_LE(rounded.batch, batch + (batch - 1) / 2);
      EXPECT_EQ(rounded.rows % 128, 0);
      plans.push_back(rounded);
    }
  }
  std::sort(plans.begin(), plans.end());
  plans.erase(std::unique(plans.begin(), plans.end()), plans.end());
  EXPECT_LT(plans.size(), 25u * 15u);
}

}  // namespace
}  // namespace recpo::cudnn
