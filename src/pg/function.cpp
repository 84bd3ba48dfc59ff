#include "pg/function.hpp"

namespace recsys::pg {

void Call::require(int i, const char *argument) const {
	if (null(i))
		throw Error("22004", std::string("argument \"") + argument + "\" must not be null");
}

std::string Call::text(int i, const char *argument) const {
	require(i, argument);
	return std::string(text_view(datum(i)));
}
std::int64_t Call::int8(int i, const char *argument) const {
	require(i, argument);
	return DatumGetInt64(datum(i));
}
std::int32_t Call::int4(int i, const char *argument) const {
	require(i, argument);
	return DatumGetInt32(datum(i));
}
double Call::float8(int i, const char *argument) const {
	require(i, argument);
	return DatumGetFloat8(datum(i));
}
bool Call::boolean(int i, const char *argument) const {
	require(i, argument);
	return DatumGetBool(datum(i));
}
Oid Call::oid(int i, const char *argument) const {
	require(i, argument);
	return DatumGetObjectId(datum(i));
}
TimestampTz Call::timestamptz(int i, const char *argument) const {
	require(i, argument);
	return DatumGetTimestampTz(datum(i));
}

std::vector<std::string> Call::text_array(int i, const char *argument) const {
	require(i, argument);
	const Datum value = datum(i);
	Datum *elements = nullptr;
	bool *nulls = nullptr;
	int n = 0;
	call([value, &elements, &nulls, &n] {
		deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	});
	std::vector<std::string> out;
	out.reserve(n);
	for (int k = 0; k < n; ++k) {
		if (nulls[k])
			throw Error("22004", std::string("argument \"") + argument + "\" must not contain nulls");
		out.emplace_back(text_view(elements[k]));
	}
	return out;
}

std::optional<std::string> Call::optional_text(int i) const {
	if (null(i))
		return std::nullopt;
	return std::string(text_view(datum(i)));
}
std::optional<std::vector<std::string>> Call::optional_text_array(int i, const char *argument) const {
	if (null(i))
		return std::nullopt;
	return text_array(i, argument);
}
std::optional<std::string> Call::optional_json(int i) const {
	if (null(i))
		return std::nullopt;
	return output(datum(i), JSONBOID);
}
std::string Call::json(int i, const char *argument) const {
	require(i, argument);
	return output(datum(i), JSONBOID);
}

ResultTable::ResultTable(const Call &fcall) {
	FunctionCallInfo info = fcall.info();
	call([info] { InitMaterializedSRF(info, 0); });
	ReturnSetInfo *set = reinterpret_cast<ReturnSetInfo *>(info->resultinfo);
	store_ = set->setResult;
	descriptor_ = set->setDesc;
}

void ResultTable::row(std::initializer_list<Param> values) {
	Datum datums[Plan::kMaxParams];
	bool nulls[Plan::kMaxParams];
	if (values.size() != static_cast<std::size_t>(descriptor_->natts) || values.size() > Plan::kMaxParams)
		throw Error("XX000", "result row does not have the declared number of columns");
	int i = 0;
	for (const Param &p : values) {
		datums[i] = p.value;
		nulls[i++] = p.null;
	}
	Datum *d = datums;
	bool *n = nulls;
	call([this, d, n] { tuplestore_putvalues(store_, descriptor_, d, n); });
}

void ResultTable::append(const SPITupleTable *rows) {
	if (rows->tupdesc->natts != descriptor_->natts)
		throw Error("XX000", "result rows do not have the declared number of columns");
	call([this, rows] {
		for (std::uint64_t i = 0; i < rows->numvals; ++i)
			tuplestore_puttuple(store_, rows->vals[i]);
	});
}

} // namespace recsys::pg
