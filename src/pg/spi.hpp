// SQL from C++: prepared statements, their parameters and their rows.
//
//   static Plan find{"SELECT id, status FROM recsys_internal.campaign WHERE name = $1", {TEXTOID}};
//   for (const Row &row : find.rows({text(name)}))
//       row.int8(0) …
//
// Rows are owned C++ values: convenient for everything that is not measured in microseconds. The hot path uses
// Plan::fetch or DynamicPlan::each inside a SpiScope and reads Datums in place (pg/datum.hpp).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg/guard.hpp"

namespace recsys::pg {

/// A parameter value. Memory of text and arrays is palloc'ed in the current context.
struct Param {
	Datum value = 0;
	bool null = true;
};
Param text(std::string_view value);
Param text(const std::optional<std::string> &value);
Param text(const char *value);
inline Param text(const std::string &value) { return text(std::string_view(value)); }
Param int4(std::int32_t value);
Param int8(std::int64_t value);
Param float4(float value);
Param float8(double value);
/// Parses `digits`; errors are PostgreSQL's own.
Param numeric(const std::string &digits);
Param boolean(bool value);
Param oid(Oid value);
Param timestamptz(TimestampTz value);
Param text_array(const std::vector<std::string> &values);
Param bytea(std::string_view value);
/// Parses `json`; errors are PostgreSQL's own.
Param jsonb(std::string_view json);
Param jsonb(const std::optional<std::string> &json);
inline Param jsonb(const std::string &json) { return jsonb(std::string_view(json)); }
inline Param null() { return {}; }
inline Param raw(Datum value) { return {value, false}; }

/// One row of owned values in text form.
class Row {
public:
	explicit Row(std::vector<std::optional<std::string>> values) : values_(std::move(values)) {}
	bool null(std::size_t i) const { return !values_.at(i).has_value(); }
	const std::optional<std::string> &optional_text(std::size_t i) const { return values_.at(i); }
	std::string text(std::size_t i) const { return values_.at(i).value_or(std::string()); }
	std::int64_t int8(std::size_t i) const;
	double float8(std::size_t i) const;
	bool boolean(std::size_t i) const { return !null(i) && (*values_.at(i))[0] == 't'; }
	Oid oid(std::size_t i) const { return static_cast<Oid>(int8(i)); }
	std::size_t size() const { return values_.size(); }

private:
	std::vector<std::optional<std::string>> values_;
};
using Rows = std::vector<Row>;

/// SPI for the life of the object. Nests. After an error SPI is cleaned up by the (sub)transaction's abort.
class SpiScope {
public:
	SpiScope();
	~SpiScope();
	SpiScope(const SpiScope &) = delete;
	SpiScope &operator=(const SpiScope &) = delete;

private:
	int exceptions_;
};

enum class Access { Read, Write }; // Read: no new snapshot is taken, also allowed on a standby

/// A fixed statement with static storage, prepared at first use and kept for the session.
class Plan {
public:
	static constexpr int kMaxParams = 24;
	constexpr Plan(const char *sql, std::initializer_list<Oid> types) : sql_(sql) {
		for (const Oid t : types)
			types_[n_++] = t;
	}
	/// All rows, as owned values.
	Rows rows(std::initializer_list<Param> params, Access access = Access::Write, long limit = 0);
	/// The first row, if any.
	std::optional<Row> row(std::initializer_list<Param> params, Access access = Access::Write);
	/// Number of rows processed.
	std::uint64_t run(std::initializer_list<Param> params);
	/// Within a SpiScope that outlives the table.
	SPITupleTable *fetch(std::initializer_list<Param> params, Access access, long limit = 0);
	const char *sql() const { return sql_; }

private:
	const char *sql_;
	Oid types_[kMaxParams] = {};
	int n_ = 0;
	SPIPlanPtr plan_ = nullptr;
};

/// A statement built at run time (over a group's own relations), freed with the object.
class DynamicPlan {
public:
	DynamicPlan() = default;
	/// `cursor_options` as SPI_prepare_cursor takes them: CURSOR_OPT_GENERIC_PLAN plans once instead of at first with each
	/// parameter value, for statements whose best plan does not depend on the values.
	DynamicPlan(std::string sql, std::vector<Oid> types, int cursor_options = 0)
		: sql_(std::move(sql)), types_(std::move(types)), cursor_options_(cursor_options) {}
	DynamicPlan(DynamicPlan &&other) noexcept { swap(other); }
	DynamicPlan &operator=(DynamicPlan &&other) noexcept {
		swap(other);
		return *this;
	}
	~DynamicPlan();
	Rows rows(std::initializer_list<Param> params, Access access = Access::Write, long limit = 0);
	std::uint64_t run(std::initializer_list<Param> params);
	SPITupleTable *fetch(std::initializer_list<Param> params, Access access, long limit = 0) {
		return fetch(std::span(params.begin(), params.size()), access, limit);
	}
	SPITupleTable *fetch(std::span<const Param> params, Access access, long limit = 0);
	/// Executed before, and nothing that it rests on was altered since.
	bool current() const;
	/// Whether the rows seen by the last execution were subject to row-level security.
	bool depends_on_row_security() const;
	/// Within a SpiScope: row(values, nulls, descriptor) for each row where the executor left it, without a copy of it. `row`
	/// must not call PostgreSQL (it runs amid the executor's frames), but long texts are already whole. Reads only.
	template <class F> void each(std::initializer_list<Param> params, F &&row) {
		stream(params, {&row, [](void *f, const Datum *values, const bool *nulls, TupleDesc shape) {
							(*static_cast<std::remove_reference_t<F> *>(f))(values, nulls, shape);
						}});
	}
	/// Within a SpiScope: the prepared plan, for cursors.
	SPIPlanPtr prepared();
	const std::string &sql() const { return sql_; }

private:
	struct RowFunction {
		void *object;
		void (*call)(void *object, const Datum *values, const bool *nulls, TupleDesc shape);
	};
	struct Receiver;
	void stream(std::initializer_list<Param> params, RowFunction row);
	void swap(DynamicPlan &other) noexcept {
		std::swap(sql_, other.sql_);
		std::swap(types_, other.types_);
		std::swap(cursor_options_, other.cursor_options_);
		std::swap(plan_, other.plan_);
	}
	std::string sql_;
	std::vector<Oid> types_;
	int cursor_options_ = 0;
	SPIPlanPtr plan_ = nullptr;
};

/// A statement run once (DDL and the like), without parameters. Returns the number of rows processed.
std::uint64_t execute(const std::string &sql);
/// A query run once, with text parameters $1 … of the given types.
Rows query(const std::string &sql, std::initializer_list<Oid> types = {}, std::initializer_list<Param> params = {},
		   Access access = Access::Write);

/// Reads a large result in blocks without holding it: a read-only cursor.
class Cursor {
public:
	/// Must be created within a SpiScope that outlives it.
	Cursor(const std::string &sql, std::initializer_list<Oid> types, std::initializer_list<Param> params);
	/// Over a prepared statement, which must outlive it.
	Cursor(DynamicPlan &plan, std::span<const Param> params);
	~Cursor();
	Cursor(const Cursor &) = delete;
	Cursor &operator=(const Cursor &) = delete;
	/// The next block of at most `n` rows; the previous block's memory is freed. Null at the end.
	SPITupleTable *next(long n);

private:
	Portal portal_ = nullptr;
	SPITupleTable *block_ = nullptr;
	int exceptions_;
};

/// "quoted"."names" and 'literals' for statements that are built.
std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view value);

} // namespace recsys::pg
