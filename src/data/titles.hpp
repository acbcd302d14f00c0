#pragma once
// Titles as prompts and answers show them. Cleaned: UTF-8, HTML entities resolved, one line without control
// characters, spaces collapsed, "Title, The (1999)" -> "The Title (1999)" (The, A, An, only at the end of the title),
// and " | Rating:" escaped, since it would read as a history line's rating.

#include <string>
#include <string_view>

namespace recpo::data {

// `year`: a column of its own, "" when there is none or it is no year; it is added as " (1995)" unless the title ends
// with one. keep_year = false takes years off. Empty when nothing is left of the title.
std::string clean_title(std::string_view raw, std::string_view year, bool keep_year);

// "&amp;" -> "&", "&#39;" -> "'", "&eacute;" -> "é", once; unknown entities stay as they are.
std::string resolve_entities(std::string_view text);

}  // namespace recpo::data
