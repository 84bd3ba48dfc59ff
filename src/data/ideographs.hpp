// Chinese and Japanese are written without spaces, so a parser that looks for them takes a whole sentence for one word.
// Instead, each two neighbouring characters of a run are a word: crude, needs no dictionary, and works about as well as one
// for telling what texts are about.
#include "base/wall.hpp"
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace recsys::data {

/// Takes the runs of ideographs and kana out of a UTF-8 text: `rest` is the text with a space for each such run, `pairs` the
/// neighbouring characters, and those that stand alone. True when there were any; otherwise `rest` is not touched.
bool take_ideographs(std::string_view text, std::string &rest, std::vector<std::string> &pairs);

} // namespace recsys::data
