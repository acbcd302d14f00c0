#pragma once
// Titles as prompts and answers show them. Cleaned: UTF-8, HTML entities resolved, one line without control
// characters, spaces of every kind collapsed, "Title, The (1999)" -> "The Title (1999)" (The, A, An, only at the end of
// the title), and " | Rating:" escaped, since it would read as a history line's rating.
//
// Characters that cannot be seen are taken out too (marks of direction, zero-width spaces, soft hyphens, tags): a title
// must not reverse the rest of a prompt, and two candidates that look alike would be two right answers. The joiners
// U+200C and U+200D stay between characters beyond ASCII, where Persian, Hindi and emoji need them.
//
// A title has no natural limit (damaged pages give titles of many kB), but one that does not fit into model.max_tokens
// would make its rows impossible: titles are cut to data.max_title characters. Items whose titles become equal are
// never candidates of one row.

#include <cstdint>
#include <string>
#include <string_view>

namespace recpo::data {

// `year`: a column of its own, "" when there is none or it is no year; it is added as " (1995)" unless the title ends
// with one. keep_year = false takes years off. Empty when nothing is left of the title.
std::string clean_title(std::string_view raw, std::string_view year, bool keep_year);

// Cuts a cleaned title to `max_characters` code points, "..." at the end included (0: no limit); true when it was
// longer.
bool cut_title(std::string& title, std::int64_t max_characters);

// "&amp;" -> "&", "&#39;" -> "'", "&eacute;" -> "é", once; unknown entities stay as they are.
std::string resolve_entities(std::string_view text);

}  // namespace recpo::data
