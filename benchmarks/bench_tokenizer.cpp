// Tokenizer: encoding of prompts as `prepare` makes them (twenty history lines, twenty candidates, about 1.3 kB), one
// thread, and learning a small vocabulary. RECPO_TOKENIZER names a tokenizer file or folder; without it a vocabulary of
// 4,096 tokens is learnt from the prompts first. bench_tokenizer_references.py encodes the same prompts (the hash says
// so) with the Python packages; figures of both are in README.md.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "src/support/random.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::bench {
namespace {

std::string title(Random& random) {
  constexpr std::array kFirst = {"Silent", "Paper", "Golden", "Hidden", "Crimson", "Extraordinary", "Électric", "Last"};
  constexpr std::array kSecond = {"Harbor", "Lantern", "Orchestra", "Café", "Mountain", "Correspondence", "Winter"};
  const std::string first = kFirst[random.below(kFirst.size())];  // one draw after the other: the order counts
  const std::string second = kSecond[random.below(kSecond.size())];
  return "The " + first + " " + second + " (" + std::to_string(1930 + random.below(90)) + ")";
}

std::string prompt(std::uint64_t index) {
  Random random(1, "prompt", index);
  std::string text = "Below is what a user watched, oldest first, with the ratings they gave.\n";
  for (int i = 0; i < 20; ++i) {
    text += title(random);
    text += " | Rating: " + std::to_string(1 + random.below(5)) + "\n";
  }
  text += "Which of these would the user like best?\n";
  for (int i = 0; i < 20; ++i) text += title(random) + "\n";
  return text + "Answer:";
}

const std::vector<std::string>& prompts() {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> result;
    for (std::uint64_t i = 0; i < 200; ++i) result.push_back(prompt(i));
    return result;
  }();
  return texts;
}

const text::Tokenizer& tokenizer() {
  static const text::Tokenizer instance = [] {
    const char* path = std::getenv("RECPO_TOKENIZER");
    return path ? text::Tokenizer::load(path) : text::Tokenizer::train(prompts(), 4096);
  }();
  return instance;
}

// FNV-1a over 64 bits.
std::string hash_of_prompts() {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const std::string& text : prompts()) {
    for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3u;
  }
  return fmt::format("{:016x}", hash);
}

double total_bytes() {
  double bytes = 0;
  for (const std::string& text : prompts()) bytes += static_cast<double>(text.size());
  return bytes;
}

void encode(benchmark::State& state) {
  double tokens = 0;
  tokenizer();
  for (auto _ : state) {
    tokens = 0;
    for (const std::string& text : prompts()) tokens += static_cast<double>(tokenizer().encode(text).size());
  }
  using benchmark::Counter;
  state.counters["MB/s"] = Counter(total_bytes() * 1e-6, Counter::kIsIterationInvariantRate);
  state.counters["Mtokens/s"] = Counter(tokens * 1e-6, Counter::kIsIterationInvariantRate);
}
BENCHMARK(encode)->Unit(benchmark::kMillisecond);

void parse(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(text::Tokenizer::parse(tokenizer().file_name(), tokenizer().file_content(), "benchmark"));
  }
}
BENCHMARK(parse)->Unit(benchmark::kMillisecond);

void train(benchmark::State& state) {
  const int vocab_size = static_cast<int>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(text::Tokenizer::train(prompts(), vocab_size));
}
BENCHMARK(train)->Arg(512)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace recpo::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("prompts", recpo::bench::hash_of_prompts());
  benchmark::RunSpecifiedBenchmarks();
}
