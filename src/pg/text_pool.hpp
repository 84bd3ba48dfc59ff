// Many texts for one result, in memory that is allocated once.
#pragma once

#include <cstddef>
#include <string_view>

#include "pg/guard.hpp"

namespace recsys::pg {

/// Add up need() of every text for the constructor, then add() them.
class TextPool {
public:
	explicit TextPool(std::size_t bytes)
		: memory_(call([bytes] { return static_cast<char *>(palloc(bytes)); })) {}
	static std::size_t need(std::string_view text) { return MAXALIGN(VARHDRSZ + text.size()); }
	Datum add(std::string_view text) {
		char *value = memory_;
		memory_ += need(text);
		SET_VARSIZE(value, VARHDRSZ + text.size());
		std::memcpy(VARDATA(value), text.data(), text.size());
		return PointerGetDatum(value);
	}

private:
	char *memory_;
};

} // namespace recsys::pg
