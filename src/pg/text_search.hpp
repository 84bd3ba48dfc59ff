// Words by PostgreSQL's own text search: its parser, which knows HTML tags, addresses and numbers, and its dictionaries, which
// know stop words and stems.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pg/guard.hpp"

namespace recsys::pg {

/// A configuration by its name, such as "english"; one outside pg_catalog needs its schema. InvalidOid when there is none.
/// Errors: 42602 for what is no name.
Oid find_text_search_config(const std::string &name);

struct Lexeme {
	std::string_view text;
	std::uint32_t times;
};
/// The distinct words of a text in the database's encoding. They lie in the current memory context.
void lexemes(Oid config, std::string_view text, std::vector<Lexeme> &out);

/// The first `characters` of a text.
std::string_view clip(std::string_view text, int characters);
bool database_is_utf8();

} // namespace recsys::pg
