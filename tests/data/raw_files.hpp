#pragma once
// Raw files as published, written line by line: strings as Python 2, Python 3 and JSON spell them, records of such
// strings, plain or gzip files; and what an importer makes of a folder.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "src/data/dataset.hpp"
#include "src/support/file.hpp"
#include "src/text/utf8.hpp"

namespace recpo::data {

enum class Notation { kPython2, kPython3, kJson };
inline constexpr std::array kNotations = {Notation::kPython2, Notation::kPython3, Notation::kJson};

inline std::string escaped(char32_t c, Notation notation) {
  if (notation == Notation::kJson && c > 0xffff)
    return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
  if (notation == Notation::kJson || (c > 0xff && c <= 0xffff)) return fmt::format("\\u{:04x}", static_cast<int>(c));
  if (c > 0xffff) return fmt::format("\\U{:08x}", static_cast<int>(c));
  return fmt::format("\\x{:02x}", static_cast<int>(c));
}

// repr() of Python and json.dumps() for a text in UTF-8.
inline std::string spell(std::string_view text, Notation notation) {
  const bool apostrophe = text.find('\'') != text.npos, quotation = text.find('"') != text.npos;
  const char quote = notation == Notation::kJson || (apostrophe && !quotation) ? '"' : '\'';
  std::string spelled(1, quote);
  for (std::size_t position = 0; position < text.size();) {
    const char32_t c = text::next_code_point(text, position);
    const bool plain = c >= 0x20 && (c < 0x7f || (c > 0x9f && notation == Notation::kPython3));
    if (c == static_cast<unsigned char>(quote) || c == '\\') spelled += '\\';
    if (c == '\n') {
      spelled += "\\n";
    } else if (plain) {
      text::append_utf8(spelled, c);
    } else {
      spelled += escaped(c, notation);
    }
  }
  return (notation == Notation::kPython2 ? "u" : "") + spelled + quote;
}

// A record of one line; values are spelled already.
using Entries = std::vector<std::pair<std::string, std::string>>;
inline std::string record_line(const Entries& entries, Notation notation) {
  std::string line;
  for (const auto& [key, value] : entries)
    line += fmt::format("{}{}: {}", line.empty() ? "{" : ", ", spell(key, notation), value);
  return line + "}\n";
}

// `folder`/`name`, or `name`.gz.
inline void write_raw(const std::filesystem::path& folder, const std::string& name, const std::string& content,
                      bool gzip) {
  if (!gzip) return write_file(folder / name, content);
  gzFile file = gzopen((folder / (name + ".gz")).c_str(), "wb1");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
}

// Titles as raw files may hold them, and as prompts must show them.
struct TitleSample {
  std::string raw, cleaned;
};
inline const std::vector<TitleSample>& title_samples() {
  static const std::vector<TitleSample> samples = {
      {"Plain", "Plain"},
      {"Caf\u00e9 M\u00fcller", "Café Müller"},
      {"Tom's Diary", "Tom's Diary"},
      {"Say \"hi\"", "Say \"hi\""},
      {"Tom's \"Diary\"", "Tom's \"Diary\""},
      {"back\\slash\\n", "back\\slash\\n"},
      {"two\nlines\tand a tab", "two lines and a tab"},
      {"AT&amp;T &#39;s &quot;book&quot;", "AT&T 's \"book\""},
      {"\u65e5\u672c\u8a9e \U0001f600", "日本語 😀"},
      {"Usual Suspects, The", "The Usual Suspects"},
      {"{'title': 'trap'}, [\"x\"", "{'title': 'trap'}, [\"x\""},
      {"Trick | Rating: 5", "Trick \\| Rating: 5"},
  };
  return samples;
}

struct Imported {
  Ratings ratings;
  ImportReport report;
};
inline Imported import_folder(const std::string& name, const std::filesystem::path& folder, double max_bad_lines = 0,
                              DataOptions options = {}) {
  const Dataset& dataset = find_dataset(name);
  options.path = folder.string();
  options.max_bad_lines = max_bad_lines;
  RatingsBuilder builder(true, 200);
  Imported imported;
  dataset.import(find_raw_files(dataset, options), options, builder, imported.report);
  imported.ratings = builder.finish();
  return imported;
}

// An interaction by names, comparable.
struct Seen {
  std::string user, item;
  double rating, level;
  std::int64_t time;
  bool operator==(const Seen&) const = default;
  friend void PrintTo(const Seen& seen, std::ostream* out) {
    *out << fmt::format("{} {} {} {} {}", seen.user, seen.item, seen.rating, seen.level, seen.time);
  }
};
inline std::vector<Seen> seen(const Ratings& ratings) {
  std::vector<Seen> result;
  for (const Interaction& i : ratings.interactions)
    result.push_back({ratings.users.at(static_cast<std::size_t>(i.user)),
                      ratings.items.at(static_cast<std::size_t>(i.item)).id, i.rating, i.level, i.time});
  return result;
}

}  // namespace recpo::data
