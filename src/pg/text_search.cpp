#include "pg/text_search.hpp"

#include <algorithm>

#include "pg/user.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "tsearch/ts_type.h"
#include "tsearch/ts_utils.h"
#include "utils/regproc.h"
}

namespace recsys::pg {

Oid find_text_search_config(const std::string &name) {
	const SafeSearchPath path;
	const char *text = name.c_str();
	return call([text] { return get_ts_config_oid(stringToQualifiedNameList(text), true); });
}

void lexemes(Oid config, std::string_view text, std::vector<Lexeme> &out) {
	out.clear();
	const TSVector vector = call([config, text] {
		const Datum value = PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
		return DatumGetTSVector(DirectFunctionCall2(to_tsvector_byid, ObjectIdGetDatum(config), value));
	});
	const WordEntry *entries = ARRPTR(vector);
	const char *strings = STRPTR(vector);
	for (int i = 0; i < vector->size; ++i) {
		const WordEntry &entry = entries[i];
		const std::uint32_t times = entry.haspos != 0 ? static_cast<std::uint32_t>(POSDATALEN(vector, &entry)) : 1u;
		out.push_back({{strings + entry.pos, entry.len}, std::max(times, 1u)});
	}
}

std::string_view clip(std::string_view text, int characters) {
	const auto length = call([text, characters] { return pg_mbcharcliplen(text.data(), static_cast<int>(text.size()), characters); });
	return text.substr(0, static_cast<std::size_t>(length));
}

bool database_is_utf8() { return GetDatabaseEncoding() == PG_UTF8; }

} // namespace recsys::pg
