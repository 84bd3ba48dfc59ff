// The frame of an SQL-callable function:
//
//   RECSYS_FUNCTION(create_campaign) {
//       const std::string name = call.text(0, "name");
//       …
//       return call.result(name);
//   }
//
// declares the C symbol recsys_create_campaign with its guard. Arguments are read by position; a NULL where a value is
// needed is a clear error that names the argument.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/datum.hpp"

namespace recsys::pg {

class Call {
public:
	explicit Call(FunctionCallInfo info) : info_(info) {}
	bool null(int i) const { return PG_NARGS_() <= i || info_->args[i].isnull; }
	/// Errors: 22004 when the argument is NULL.
	std::string text(int i, const char *argument) const;
	std::int64_t int8(int i, const char *argument) const;
	std::int32_t int4(int i, const char *argument) const;
	double float8(int i, const char *argument) const;
	bool boolean(int i, const char *argument) const;
	Oid oid(int i, const char *argument) const;
	TimestampTz timestamptz(int i, const char *argument) const;
	std::vector<std::string> text_array(int i, const char *argument) const; // NULL elements are an error
	std::optional<std::string> optional_text(int i) const;
	std::optional<std::vector<std::string>> optional_text_array(int i, const char *argument) const;
	std::optional<std::string> optional_json(int i) const; // a jsonb argument as text
	std::string json(int i, const char *argument) const;
	Datum datum(int i) const { return info_->args[i].value; }
	FunctionCallInfo info() const { return info_; }

	Datum result(std::string_view text) const { return make_text(text); }
	Datum result(const char *text) const { return make_text(text); } // else a literal would be a bool
	Datum result(bool value) const { return BoolGetDatum(value); }
	Datum result_int8(std::int64_t value) const { return Int64GetDatum(value); }
	Datum result_json(std::string_view json) const { return make_jsonb(json); }
	Datum result_oid(Oid value) const { return ObjectIdGetDatum(value); }
	Datum result_null() const {
		info_->isnull = true;
		return 0;
	}
	Datum result_void() const { return 0; }

private:
	int PG_NARGS_() const { return info_->nargs; }
	void require(int i, const char *argument) const;
	FunctionCallInfo info_;
};

/// The rows of a set-returning function, materialised: no C++ state lives between calls.
class ResultTable {
public:
	explicit ResultTable(const Call &call);
	/// One value per result column; Params as for statements.
	void row(std::initializer_list<Param> values);
	/// The rows of a statement with the same columns, such as Plan::fetch of an internal table for a view.
	void append(const SPITupleTable *rows);
	Tuplestorestate *store() const { return store_; }
	TupleDesc descriptor() const { return descriptor_; }

private:
	Tuplestorestate *store_;
	TupleDesc descriptor_;
};

} // namespace recsys::pg

#define RECSYS_FUNCTION(name)                                                                                          \
	extern "C" {                                                                                                       \
	PGDLLEXPORT Datum recsys_##name(PG_FUNCTION_ARGS);                                                                 \
	PG_FUNCTION_INFO_V1(recsys_##name);                                                                                \
	}                                                                                                                  \
	static Datum name##_body(const recsys::pg::Call &call);                                                            \
	extern "C" Datum recsys_##name(PG_FUNCTION_ARGS) {                                                                 \
		return recsys::pg::entry([fcinfo] { return name##_body(recsys::pg::Call(fcinfo)); });                          \
	}                                                                                                                  \
	static Datum name##_body([[maybe_unused]] const recsys::pg::Call &call)
