#pragma once
// Rating logs made by hand or by arithmetic, written as MovieLens-1M files.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace recpo::data {

struct LogLine {
  int user, item;
  double rating;
  std::int64_t time;
};

struct RatingLog {
  std::vector<std::string> titles;  // of items 1, 2, ..
  std::vector<LogLine> lines;

  void write(const std::filesystem::path& folder) const {
    std::ofstream movies(folder / "movies.dat", std::ios::binary), ratings(folder / "ratings.dat", std::ios::binary);
    for (std::size_t i = 0; i < titles.size(); ++i) movies << i + 1 << "::" << titles[i] << "::Drama\n";
    for (const LogLine& line : lines)
      ratings << line.user << "::" << line.item << "::" << line.rating << "::" << line.time << "\n";
  }
};

inline std::vector<std::string> plain_titles(int count) {
  std::vector<std::string> titles;
  for (int i = 1; i <= count; ++i) titles.push_back("Movie " + std::to_string(i) + " (1990)");
  return titles;
}

// `users` users with `length` interactions each over `items` items, no item twice for one user, ratings 1 to 5.
inline RatingLog regular_log(int users, int length, int items) {
  RatingLog log{plain_titles(items), {}};
  for (int user = 1; user <= users; ++user)
    for (int i = 0; i < length; ++i)
      log.lines.push_back({user, (user * 7 + i) % items + 1, 1.0 + (user * i + user / 5) % 5, 1000000 + i * 3600});
  return log;
}

}  // namespace recpo::data
