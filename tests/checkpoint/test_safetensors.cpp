// The safetensors reader against files made byte by byte, and the writer against the reader.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "src/checkpoint/float16.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "src/support/bfloat16.hpp"
#include "src/support/file.hpp"
#include "tests/checkpoint/small_model.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::checkpoint {
namespace {

std::string little_endian(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> 8 * i & 0xFF);
  return bytes;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return little_endian(header.size()) + header + std::string(data_bytes, '\1');
}

TEST(Safetensors, ReadsWhatTheFormatAllows) {
  const std::string header =
      R"({"__metadata__": {"format": "pt"}, "b": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [4, 16]},
          "a": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
          "none": {"dtype": "I64", "shape": [0, 7], "data_offsets": [4, 4]}}   )";
  const auto tensors = parse_safetensors(file_of(header, 16), "x");
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_EQ(tensors[0].size(), 1);
  EXPECT_EQ(tensors[0].begin, 8 + header.size());
  EXPECT_EQ(tensors[1].name, "none");
  EXPECT_EQ(tensors[1].size(), 0);
  EXPECT_EQ(tensors[2].name, "b");
  EXPECT_EQ(format_shape(tensors[2].shape), "[2, 3]");
  EXPECT_EQ(tensors[2].end, 8 + header.size() + 16);
  EXPECT_TRUE(parse_safetensors(file_of("{}", 0), "x").empty());
}

struct BadFile {
  const char* what;
  std::string bytes;
  const char* said;  // in the message, beside the file's name
};

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"w": {"dtype": ")" + dtype + R"(", "shape": )" + shape + R"(, "data_offsets": )" + offsets + "}}";
}

std::vector<BadFile> bad_files() {
  const std::string first = R"("a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]})";
  return {
      {"empty", "", "safetensors"},
      {"seven bytes", std::string(7, '\0'), "safetensors"},
      {"length of the whole address space", std::string(8, '\xFF') + "{}", "header"},
      {"length that wraps with the eight bytes", little_endian(~std::uint64_t{0} - 7) + "{}", "header"},
      {"length above the limit", little_endian((1u << 24) + 1) + "{}", "header"},
      {"length past the end", little_endian(3) + "{}", "cut off"},
      {"header of no bytes", little_endian(0), "header"},
      {"header cut off", file_of("{\"w\": {", 0), "header"},
      {"header not an object", file_of("[]", 0), "header"},
      {"header with bytes behind the object", file_of("{} x", 0), "header"},
      {"header not UTF-8", file_of("{\"\xFF\": 1}", 0), "header"},
      {"nesting", file_of(std::string(1000, '[') + std::string(1000, ']'), 0), "deeper"},
      {"entry not an object", file_of(R"({"w": 3})", 0), "tensor w"},
      {"entry null", file_of(R"({"w": null})", 0), "tensor w"},
      {"no dtype", file_of(R"({"w": {"shape": [1], "data_offsets": [0, 4]}})", 4), "dtype"},
      {"no shape", file_of(R"({"w": {"dtype": "F32", "data_offsets": [0, 4]}})", 4), "shape"},
      {"no offsets", file_of(R"({"w": {"dtype": "F32", "shape": [1]}})", 4), "data_offsets"},
      {"unknown dtype", file_of(entry("F12", "[1]", "[0, 4]"), 4), "tensor w"},
      {"dtype a number", file_of(R"({"w": {"dtype": 3, "shape": [1], "data_offsets": [0, 4]}})", 4), "tensor w"},
      {"shape a number", file_of(entry("F32", "1", "[0, 4]"), 4), "tensor w"},
      {"shape negative", file_of(entry("F32", "[-1]", "[0, 4]"), 4), "tensor w"},
      {"shape fractional", file_of(entry("F32", "[1.0]", "[0, 4]"), 4), "tensor w"},
      {"shape of text", file_of(entry("F32", "[\"1\"]", "[0, 4]"), 4), "tensor w"},
      {"shape product overflows to the right size", file_of(entry("F32", "[4294967296, 4294967296, 1]", "[0, 0]"), 0),
       "tensor w"},
      {"shape bytes overflow", file_of(entry("F64", "[2305843009213693953]", "[0, 8]"), 8), "tensor w"},
      {"shape huge beside a zero", file_of(entry("F32", "[9223372036854775807, 0]", "[0, 0]"), 0), "tensor w"},
      {"shape above 64 bits", file_of(entry("F32", "[36893488147419103232]", "[0, 4]"), 4), "tensor w"},
      {"too many dimensions", file_of(entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0, 4]"), 4), "tensor w"},
      {"shape smaller than its bytes", file_of(entry("F32", "[1]", "[0, 8]"), 8), "tensor w"},
      {"shape larger than its bytes", file_of(entry("F32", "[2]", "[0, 4]"), 8), "tensor w"},
      {"offsets backwards", file_of(entry("F32", "[1]", "[4, 0]"), 4), "tensor w"},
      {"offsets past the data", file_of(entry("F32", "[2]", "[0, 8]"), 4), "tensor w"},
      {"offsets negative", file_of(entry("F32", "[1]", "[-4, 0]"), 4), "tensor w"},
      {"offsets huge", file_of(entry("F32", "[1]", "[18446744073709551612, 18446744073709551615]"), 4), "tensor w"},
      {"three offsets", file_of(entry("F32", "[1]", "[0, 4, 4]"), 4), "tensor w"},
      {"hole at the front", file_of(entry("F32", "[1]", "[4, 8]"), 8), "tensor w"},
      {"bytes behind the last", file_of(entry("F32", "[1]", "[0, 4]"), 8), "data"},
      {"data cut off", file_of(entry("F32", "[2]", "[0, 8]"), 7), "tensor w"},
      {"overlap", file_of("{" + first + R"(, "b": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]}})", 6),
       "tensor b"},
      {"same bytes twice",
       file_of("{" + first + R"(, "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", 4), "tensor b"},
      {"hole in the middle",
       file_of("{" + first + R"(, "b": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}})", 12), "tensor b"},
      {"name twice", file_of("{" + first + ", " + first + "}", 4), "twice"},
      {"metadata not an object", file_of(R"({"__metadata__": 1})", 0), "__metadata__"},
      {"metadata not text", file_of(R"({"__metadata__": {"a": 1}})", 0), "__metadata__"},
  };
}

TEST(Safetensors, RefusesHostileFilesNamingFileAndTensor) {
  ASSERT_GE(bad_files().size(), 30u);
  for (const BadFile& bad : bad_files()) {
    SCOPED_TRACE(bad.what);
    const std::string message =
        message_of(ExitCode::kBadInput, [&] { parse_safetensors(bad.bytes, "folder/x.safetensors"); });
    EXPECT_NE(message.find("folder/x.safetensors"), std::string::npos) << message;
    EXPECT_NE(message.find(bad.said), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

// Whatever one byte becomes, the reader either refuses or describes tensors inside the file.
TEST(Safetensors, AnyChangedByteIsRefusedOrStaysInside) {
  const std::string whole = file_of(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                                    R"("b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]}})",
                                    22);
  Random random(1, "bytes");
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole;
    bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    if (random.below(4) == 0) bytes.resize(random.below(bytes.size()));
    try {
      for (const Tensor& tensor : parse_safetensors(bytes, "x")) {
        ASSERT_LE(tensor.begin, tensor.end);
        ASSERT_LE(tensor.end, bytes.size());
      }
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ExitCode::kBadInput);
    }
  }
}

TEST(Safetensors, WritesWhatItReads) {
  const TemporaryFolder folder;
  const std::vector<double> values = {1.0, -0.1, 1e-7, 65504.0, 1e30, -0.0, 3.0};
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> tensors = {{"long name", {2, 3}}, {"b", {1}}};
  for (const std::string dtype : {"float32", "bfloat16", "float16"}) {
    const auto path = folder.path() / dtype;
    SafetensorsWriter writer(path, find_value<Dtype>(dtype).value(), tensors);
    writer.append(std::span<const double>(values).first(4));  // pieces need not be tensors
    writer.append(std::span<const double>(values).subspan(4));
    writer.close();
    const SafetensorsFile file(path);
    std::vector<float> read(7);
    file.read(*file.find("long name"), 0, std::span<float>(read).first(6));
    file.read(*file.find("b"), 0, std::span<float>(read).subspan(6));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = static_cast<float>(values[i]);
      const float expected = dtype == "float32"    ? value
                             : dtype == "bfloat16" ? bfloat16_to_float(float_to_bfloat16(value))
                                                   : float16_to_float(float_to_float16(value));
      EXPECT_EQ(std::memcmp(&read[i], &expected, sizeof expected), 0) << dtype << " " << values[i];
    }
    EXPECT_EQ(file.find("c"), nullptr);
    EXPECT_EQ(file.tensors().front().begin % 8, 0u);
  }
  EXPECT_FALSE(find_value<Dtype>("int8"));
}

// Bytes of mapped files that count as this program's memory.
std::int64_t mapped_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssFile:")) return std::stoll(line.substr(line.find(':') + 1)) * 1024;
  return 0;
}

TEST(Safetensors, GivesBackThePagesOfWhatWasRead) {
  constexpr std::int64_t kElements = std::int64_t{1} << 23, kBytes = kElements * 2, kSlack = kBytes / 4;
  const TemporaryFolder folder;
  std::vector<float> values(kElements, 0.5f);
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> tensors = {{"w", {kElements}}, {"x", {1}}};
  SafetensorsWriter writer(folder.path() / "x", Dtype::kBfloat16, tensors);
  writer.append(std::span<const float>(values));
  writer.append(std::span<const float>(values).first(1));
  writer.close();
  const SafetensorsFile file(folder.path() / "x");
  const std::int64_t before = mapped_bytes();
  file.read(*file.find("w"), 0, std::span<float>(values));
  EXPECT_GT(mapped_bytes() - before, kBytes - kSlack);
  file.release(*file.find("w"));
  EXPECT_LT(mapped_bytes() - before, kSlack);
  file.read(*file.find("w"), kElements - 1, std::span<float>(values).first(1));  // still there to be read
  EXPECT_EQ(values.front(), 0.5f);
}

TEST(Safetensors, BfloatStoresKeepTheBits) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> tensors = {{"w", {0x10000}}};
  std::vector<float> values;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits)
    values.push_back(bfloat16_to_float(static_cast<std::uint16_t>(bits)));
  SafetensorsWriter writer(folder.path() / "x", Dtype::kBfloat16, tensors);
  writer.append(std::span<const float>(values));
  writer.close();
  const SafetensorsFile file(folder.path() / "x");
  std::vector<Bfloat16> read(values.size());
  file.read(*file.find("w"), 0, std::span<Bfloat16>(read));
  SafetensorsWriter again(folder.path() / "y", Dtype::kBfloat16, tensors);
  again.append(std::span<const Bfloat16>(read));
  again.close();
  EXPECT_EQ(read_file(folder.path() / "y"), read_file(folder.path() / "x"));
  for (std::size_t bits = 0; bits < read.size(); ++bits) {
    if (std::isnan(values[bits])) continue;  // a signalling NaN became quiet on its way here
    ASSERT_EQ(read[bits].bits, bits);
  }
}

TEST(Safetensors, RefusesNumbersOfOtherTypesAndFilesThatAreNone) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "ints";
  write_file(path, file_of(entry("I32", "[1]", "[0, 4]"), 4));
  const SafetensorsFile file(path);
  std::vector<float> one(1);
  const std::string message =
      message_of(ExitCode::kBadInput, [&] { file.read(*file.find("w"), 0, std::span<float>(one)); });
  EXPECT_NE(message.find("tensor w has dtype I32"), std::string::npos) << message;
  message_of(ExitCode::kBadInput, [&] { SafetensorsFile(folder.path()); });
  message_of(ExitCode::kBadInput, [&] { SafetensorsFile(folder.path() / "missing"); });
}

}  // namespace
}  // namespace recpo::checkpoint
