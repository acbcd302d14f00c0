#include <gtest/gtest.h>

#include "src/data/titles.hpp"

namespace recpo::data {

TEST(Titles, MoveTheArticleOnlyAtTheEnd) {
  EXPECT_EQ(clean_title("Usual Suspects, The (1995)", "", true), "The Usual Suspects (1995)");
  EXPECT_EQ(clean_title("Usual Suspects, The", "1995", true), "The Usual Suspects (1995)");
  EXPECT_EQ(clean_title("Usual Suspects, The", "", true), "The Usual Suspects");
  EXPECT_EQ(clean_title("Fish Called Wanda, A (1988)", "", true), "A Fish Called Wanda (1988)");
  EXPECT_EQ(clean_title("American in Paris, An (1951)", "", true), "An American in Paris (1951)");
  const std::string inner = "Garden of Finzi-Contini, The (Giardino dei Finzi-Contini, Il) (1970)";
  EXPECT_EQ(clean_title(inner, "", true), inner);
  EXPECT_EQ(clean_title("Breathe, Then", "", true), "Breathe, Then");
  EXPECT_EQ(clean_title("Misérables, Les", "1995", true), "Misérables, Les (1995)");
  EXPECT_EQ(clean_title(", The", "", true), ", The");
  EXPECT_EQ(clean_title("Spaced , The (1999)", "", true), "The Spaced (1999)");
}

TEST(Titles, YearIsKeptAddedOrTakenOff) {
  EXPECT_EQ(clean_title("Toy Story", "1995", true), "Toy Story (1995)");
  EXPECT_EQ(clean_title("Toy Story (1995)", "1995", true), "Toy Story (1995)");
  EXPECT_EQ(clean_title("Toy Story (1995)", "", false), "Toy Story");
  EXPECT_EQ(clean_title("Toy Story", "1995", false), "Toy Story");
  EXPECT_EQ(clean_title("Land Before Time III (1995)", "V", true), "Land Before Time III (1995)");
  EXPECT_EQ(clean_title("unknown", "unknown", true), "unknown");
  EXPECT_EQ(clean_title("2001: A Space Odyssey", "1968", true), "2001: A Space Odyssey (1968)");
}

TEST(Titles, AreOneLineOfText) {
  EXPECT_EQ(clean_title("  Two\r\n\tlines\x01 \x7f here ", "", true), "Two lines here");
  EXPECT_EQ(clean_title("line\u2028separator&#10;entity", "", true), "line separator entity");
  EXPECT_EQ(clean_title("bad \xff byte", "", true), "bad \ufffd byte");
  EXPECT_EQ(clean_title("\x02\n ", "", true), "");
}

TEST(Titles, NothingInvisibleIsLeft) {
  EXPECT_EQ(clean_title("\u202eevil\u202c \u200eleft\u200f\u2066\u2069", "", true), "evil left");
  EXPECT_EQ(clean_title("zero\u200bwidth\ufeff so\u00adft \u2060tags\U000e0041", "", true), "zerowidth soft tags");
  EXPECT_EQ(clean_title("wide\u3000\u2003 \u1680spaces", "", true), "wide spaces");
  EXPECT_EQ(clean_title("&#8238;&shy;&#x200b;", "", true), "");
  // Joiners stay where writing needs them, and nowhere else.
  EXPECT_EQ(clean_title("\u0645\u06cc\u200c\u0631\u0648\u062f", "", true), "\u0645\u06cc\u200c\u0631\u0648\u062f");
  EXPECT_EQ(clean_title("\U0001f468\u200d\U0001f469", "", true), "\U0001f468\u200d\U0001f469");
  EXPECT_EQ(clean_title("Toy\u200d Sto\u200cry\u200d", "", true), "Toy Story");
}

TEST(Titles, LongOnesAreCutBetweenCharacters) {
  const auto cut = [](std::string title, std::int64_t most) { return cut_title(title, most) ? title : "whole"; };
  EXPECT_EQ(cut("0123456789", 10), "whole");
  EXPECT_EQ(cut("0123456789A", 10), "0123456...");
  EXPECT_EQ(cut("012345 789A", 10), "012345...");
  EXPECT_EQ(cut("\u00e9\u65e5\U0001f600\u00e9\u00e9", 5), "whole");
  EXPECT_EQ(cut("\u00e9\u65e5\U0001f600\u00e9\u00e9\u00e9", 5), "\u00e9\u65e5...");
  EXPECT_EQ(cut(std::string(5000, 'x'), 0), "whole");
  EXPECT_EQ(cut("long", 1), "l...");
}

TEST(Titles, RatingMarkIsEscaped) {
  const std::string title = clean_title("Trick | Rating: 5", "", true);
  EXPECT_EQ(title, "Trick \\| Rating: 5");
  EXPECT_EQ(clean_title("Trick&nbsp;| Rating: 1 | Rating: 2", "", true), "Trick \\| Rating: 1 \\| Rating: 2");
}

TEST(Titles, EntitiesAreResolvedOnce) {
  EXPECT_EQ(resolve_entities("Tom &amp; Jerry&#39;s &quot;caf&eacute;&quot; &#x263A;"), "Tom & Jerry's \"café\" ☺");
  EXPECT_EQ(resolve_entities("&amp;lt;"), "&lt;");
  EXPECT_EQ(resolve_entities("R&B; &nosuch; & &; &#; &#xD800; &#99999999999;"), "R&B; &nosuch; & &; &#; \ufffd \ufffd");
  EXPECT_EQ(resolve_entities("&yuml;&nbsp;&thetasym"), "ÿ\u00a0&thetasym");
}

}  // namespace recpo::data
