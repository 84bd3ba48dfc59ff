// Datums seen from C++: reading values in place, and building the few that functions return.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg/spi.hpp"

namespace recsys::pg {

/// The bytes of a text, without copying when the value is stored plainly; else detoasted in the current context.
std::string_view text_view(Datum value);

/// Column `i` (from 0) of a tuple.
inline Datum column(const SPITupleTable *table, std::uint64_t row, int i, bool &null) {
	return heap_getattr(table->vals[row], i + 1, table->tupdesc, &null);
}

/// The output function's text of any value.
std::string output(Datum value, Oid type);

/// Any id type as text without a detour through palloc for the common ones (text, int2, int4, int8, uuid).
/// `buffer` holds the result of the numeric ones; the view is valid until it is reused.
struct IdBuffer {
	char bytes[40];
};
std::string_view id_text(Datum value, Oid type, IdBuffer &buffer);

/// Text to the native id type: an id that cannot be of the type (letters for a bigint) is null: an unknown id, not an error.
Param id_param(std::string_view id, Oid type);
/// As id_param, for `column = ANY($1)`; ids that cannot be of the type are left out.
Param id_array_param(const std::vector<std::string_view> &ids, Oid type);
/// The same for unnest($1) WITH ORDINALITY: an id that cannot be of the type is NULL, and every other keeps its position.
Param id_positions_param(std::span<const std::string_view> ids, Oid type);
bool is_id_type(Oid type); // text, varchar, int2, int4, int8, uuid
Oid id_array_type(Oid type);

inline constexpr std::int64_t kPostgresEpochMicros = 946684800000000LL; // 2000-01-01 in microseconds since 1970-01-01
/// PostgreSQL's last years do not fit into 64 bits from 1970 on, nor would differences of times. What lies after the year 75000
/// counts as of that year: it stays the newest.
inline std::int64_t unix_micros(TimestampTz t) {
	constexpr TimestampTz kLatest = TimestampTz{1} << 61;
	return (t < kLatest ? t : kLatest) + kPostgresEpochMicros;
}
inline TimestampTz from_unix_micros(std::int64_t t) { return t - kPostgresEpochMicros; }

Datum make_text(std::string_view value);
Datum make_jsonb(std::string_view json);

} // namespace recsys::pg
