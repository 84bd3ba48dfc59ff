#include "pg/datum.hpp"

#include <charconv>
#include <memory>

extern "C" {
#include "utils/uuid.h"
}

namespace recsys::pg {

std::string_view text_view(Datum value) {
	const varlena *v = reinterpret_cast<const varlena *>(DatumGetPointer(value));
	if (VARATT_IS_COMPRESSED(v) || VARATT_IS_EXTERNAL(v))
		v = call([value] { return pg_detoast_datum_packed(reinterpret_cast<varlena *>(DatumGetPointer(value))); });
	return {VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v)};
}

std::string output(Datum value, Oid type) {
	return call([value, type]() -> const char * {
		Oid function;
		bool is_varlena;
		getTypeOutputInfo(type, &function, &is_varlena);
		return OidOutputFunctionCall(function, value);
	});
}

bool is_id_type(Oid type) {
	switch (type) {
	case TEXTOID:
	case VARCHAROID:
	case INT2OID:
	case INT4OID:
	case INT8OID:
	case UUIDOID:
		return true;
	default:
		return false;
	}
}

Oid id_array_type(Oid type) {
	switch (type) {
	case INT2OID:
		return INT2ARRAYOID;
	case INT4OID:
		return INT4ARRAYOID;
	case INT8OID:
		return INT8ARRAYOID;
	case UUIDOID:
		return UUIDARRAYOID;
	case VARCHAROID:
		return VARCHARARRAYOID;
	default:
		return TEXTARRAYOID;
	}
}

std::string_view id_text(Datum value, Oid type, IdBuffer &buffer) {
	const auto number = [&buffer](std::int64_t v) {
		const auto end = std::to_chars(buffer.bytes, buffer.bytes + sizeof buffer.bytes, v).ptr;
		return std::string_view(buffer.bytes, end - buffer.bytes);
	};
	switch (type) {
	case INT2OID:
		return number(DatumGetInt16(value));
	case INT4OID:
		return number(DatumGetInt32(value));
	case INT8OID:
		return number(DatumGetInt64(value));
	case UUIDOID: {
		static constexpr char digits[] = "0123456789abcdef";
		const pg_uuid_t *u = DatumGetUUIDP(value);
		char *p = buffer.bytes;
		for (int i = 0; i < UUID_LEN; ++i) {
			if (i == 4 || i == 6 || i == 8 || i == 10)
				*p++ = '-';
			*p++ = digits[u->data[i] >> 4];
			*p++ = digits[u->data[i] & 15];
		}
		return {buffer.bytes, 36};
	}
	default:
		return text_view(value);
	}
}

namespace {

// Integers may carry spaces, a sign and leading zeros, as PostgreSQL's own input does.
std::optional<std::int64_t> parse_integer(std::string_view s, Oid type) {
	while (!s.empty() && s.front() == ' ')
		s.remove_prefix(1);
	while (!s.empty() && s.back() == ' ')
		s.remove_suffix(1);
	if (!s.empty() && s.front() == '+')
		s.remove_prefix(1);
	std::int64_t v = 0;
	const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
	if (s.empty() || error != std::errc() || end != s.data() + s.size())
		return std::nullopt;
	if (type == INT4OID && (v < PG_INT32_MIN || v > PG_INT32_MAX))
		return std::nullopt;
	if (type == INT2OID && (v < PG_INT16_MIN || v > PG_INT16_MAX))
		return std::nullopt;
	return v;
}

// The forms PostgreSQL's uuid input takes: hex digits with optional dashes after groups of four, optional braces.
bool parse_uuid(std::string_view s, unsigned char out[16]) {
	if (s.size() >= 2 && s.front() == '{' && s.back() == '}')
		s = s.substr(1, s.size() - 2);
	int digits = 0;
	for (std::size_t i = 0; i < s.size(); ++i) {
		const char c = s[i];
		if (c == '-') {
			if (digits == 0 || digits == 32 || digits % 4 != 0 || s[i - 1] == '-')
				return false;
			continue;
		}
		const int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
		if (v < 0 || digits == 32)
			return false;
		out[digits / 2] = static_cast<unsigned char>(digits % 2 == 0 ? v << 4 : out[digits / 2] | v);
		++digits;
	}
	return digits == 32;
}

} // namespace

Param id_param(std::string_view id, Oid type) {
	switch (type) {
	case INT2OID:
	case INT4OID:
	case INT8OID: {
		const auto v = parse_integer(id, type);
		if (!v)
			return null();
		return raw(type == INT8OID ? Int64GetDatum(*v) : type == INT4OID ? Int32GetDatum(*v) : Int16GetDatum(*v));
	}
	case UUIDOID: {
		unsigned char bytes[16];
		if (!parse_uuid(id, bytes))
			return null();
		const unsigned char *b = bytes;
		return raw(call([b] {
			pg_uuid_t *u = static_cast<pg_uuid_t *>(palloc(sizeof(pg_uuid_t)));
			memcpy(u->data, b, UUID_LEN);
			return UUIDPGetDatum(u);
		}));
	}
	default:
		return text(id);
	}
}

namespace {

Param id_array(std::vector<Datum> &values, bool *nulls, Oid type) {
	Datum *elements = values.data();
	int n = static_cast<int>(values.size());
	return raw(call([elements, nulls, n, type] {
		int16 length;
		bool by_value;
		char align;
		get_typlenbyvalalign(type, &length, &by_value, &align);
		int size = n, from = 1;
		return PointerGetDatum(n == 0 ? construct_empty_array(type)
									  : construct_md_array(elements, nulls, 1, &size, &from, type, length, by_value, align));
	}));
}

} // namespace

Param id_array_param(const std::vector<std::string_view> &ids, Oid type) {
	std::vector<Datum> values;
	values.reserve(ids.size());
	for (const std::string_view id : ids)
		if (const Param p = id_param(id, type); !p.null)
			values.push_back(p.value);
	return id_array(values, nullptr, type);
}

Param id_positions_param(std::span<const std::string_view> ids, Oid type) {
	std::vector<Datum> values(ids.size());
	const auto nulls = std::make_unique<bool[]>(ids.size());
	for (std::size_t i = 0; i < ids.size(); ++i) {
		const Param p = id_param(ids[i], type);
		values[i] = p.value;
		nulls[i] = p.null;
	}
	return id_array(values, nulls.get(), type);
}

Datum make_text(std::string_view value) { return text(value).value; }
Datum make_jsonb(std::string_view json) { return jsonb(json).value; }

} // namespace recsys::pg
