#include "pg/spi.hpp"

#include <charconv>
#include <exception>
#include <new>

namespace recsys::pg {

namespace {

[[noreturn]] void spi_failed(const char *what, int code) {
	throw Error("XX000", std::string("could not ") + what, std::string("SPI returned ") + SPI_result_code_string(code) + ".");
}

// Values as SPI takes them; only statements with unusually many leave the stack.
struct Bound {
	Datum few_values[Plan::kMaxParams];
	char few_nulls[Plan::kMaxParams];
	std::vector<Datum> many_values;
	std::vector<char> many_nulls;
	Datum *values = few_values;
	char *nulls = few_nulls;
	explicit Bound(std::span<const Param> params) {
		if (params.size() > Plan::kMaxParams) {
			many_values.resize(params.size());
			many_nulls.resize(params.size());
			values = many_values.data();
			nulls = many_nulls.data();
		}
		for (std::size_t i = 0; i < params.size(); ++i) {
			values[i] = params[i].value;
			nulls[i] = params[i].null ? 'n' : ' ';
		}
	}
	explicit Bound(std::initializer_list<Param> params) : Bound(std::span(params.begin(), params.size())) {}
	Bound(const Bound &) = delete;
	Bound &operator=(const Bound &) = delete;
};

SPIPlanPtr prepare(const char *sql, int n, Oid *types, int cursor_options = 0) {
	SPIPlanPtr plan = call([=] {
		SPIPlanPtr p = SPI_prepare_cursor(sql, n, types, cursor_options);
		if (p != nullptr)
			SPI_keepplan(p);
		return p;
	});
	if (plan == nullptr)
		spi_failed("prepare a statement", SPI_result);
	return plan;
}

// While a parallel query runs nothing can be written, and no command may begin: everything is read under the query's snapshot.
void execute_plan(SPIPlanPtr plan, Bound &bound, Access access, long limit) {
	const bool read_only = access == Access::Read || IsInParallelMode();
	const int rc = call([&bound, plan, read_only, limit] {
		return SPI_execute_plan(plan, bound.values, bound.nulls, read_only, limit);
	});
	if (rc < 0)
		spi_failed("execute a statement", rc);
}

// All values of the last result as text. The output functions run in one guarded loop over plain pointers.
Rows collect() {
	SPITupleTable *table = SPI_tuptable;
	Rows rows;
	if (table == nullptr)
		return rows;
	const int columns = table->tupdesc->natts;
	const std::uint64_t n = table->numvals;
	char **cells = call([table, columns, n] {
		char **out = static_cast<char **>(MemoryContextAllocHuge(CurrentMemoryContext, (n * columns + 1) * sizeof(char *)));
		for (std::uint64_t r = 0; r < n; ++r)
			for (int c = 0; c < columns; ++c)
				out[r * columns + c] = SPI_getvalue(table->vals[r], table->tupdesc, c + 1);
		return out;
	});
	rows.reserve(n);
	for (std::uint64_t r = 0; r < n; ++r) {
		std::vector<std::optional<std::string>> values(columns);
		for (int c = 0; c < columns; ++c)
			if (const char *cell = cells[r * columns + c])
				values[c] = cell;
		rows.emplace_back(std::move(values));
	}
	return rows;
}

} // namespace

Param text(std::string_view value) {
	return raw(call([value] { return PointerGetDatum(cstring_to_text_with_len(value.data(), value.size())); }));
}
Param text(const std::optional<std::string> &value) { return value ? text(std::string_view(*value)) : null(); }
Param text(const char *value) { return text(std::string_view(value)); }
Param int4(std::int32_t value) { return raw(Int32GetDatum(value)); }
Param int8(std::int64_t value) { return raw(Int64GetDatum(value)); }
Param float4(float value) { return raw(Float4GetDatum(value)); }
Param numeric(const std::string &digits) {
	const char *text = digits.c_str();
	return raw(call([text] {
		return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	}));
}
Param float8(double value) { return raw(Float8GetDatum(value)); }
Param boolean(bool value) { return raw(BoolGetDatum(value)); }
Param oid(Oid value) { return raw(ObjectIdGetDatum(value)); }
Param timestamptz(TimestampTz value) { return raw(TimestampTzGetDatum(value)); }
Param bytea(std::string_view value) { return text(value); } // both are plain varlenas

Param text_array(const std::vector<std::string> &values) {
	const std::size_t n = values.size();
	const std::string *in = values.data();
	return raw(call([n, in] {
		Datum *elements = static_cast<Datum *>(palloc((n + 1) * sizeof(Datum)));
		for (std::size_t i = 0; i < n; ++i)
			elements[i] = PointerGetDatum(cstring_to_text_with_len(in[i].data(), in[i].size()));
		return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
	}));
}

Param jsonb(std::string_view json) {
	return raw(call([json] { return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(json.data(), json.size()))); }));
}
Param jsonb(const std::optional<std::string> &json) { return json ? jsonb(std::string_view(*json)) : null(); }

std::int64_t Row::int8(std::size_t i) const {
	const std::string &s = values_.at(i).value();
	std::int64_t v = 0;
	std::from_chars(s.data(), s.data() + s.size(), v);
	return v;
}

double Row::float8(std::size_t i) const { return std::strtod(values_.at(i).value().c_str(), nullptr); }

SpiScope::SpiScope() : exceptions_(std::uncaught_exceptions()) {
	call([] { SPI_connect(); });
}

SpiScope::~SpiScope() {
	if (std::uncaught_exceptions() == exceptions_)
		SPI_finish();
}

SPITupleTable *Plan::fetch(std::initializer_list<Param> params, Access access, long limit) {
	Bound bound(params);
	if (plan_ == nullptr)
		plan_ = prepare(sql_, n_, types_);
	execute_plan(plan_, bound, access, limit);
	return SPI_tuptable;
}

Rows Plan::rows(std::initializer_list<Param> params, Access access, long limit) {
	SpiScope spi;
	fetch(params, access, limit);
	return collect();
}

std::optional<Row> Plan::row(std::initializer_list<Param> params, Access access) {
	Rows r = rows(params, access, 1);
	if (r.empty())
		return std::nullopt;
	return std::move(r.front());
}

std::uint64_t Plan::run(std::initializer_list<Param> params) {
	SpiScope spi;
	fetch(params, Access::Write, 0);
	return SPI_processed;
}

DynamicPlan::~DynamicPlan() {
	if (plan_ != nullptr)
		SPI_freeplan(plan_);
}

SPIPlanPtr DynamicPlan::prepared() {
	if (plan_ == nullptr)
		plan_ = prepare(sql_.c_str(), static_cast<int>(types_.size()), types_.data(), cursor_options_);
	return plan_;
}

bool DynamicPlan::current() const { return plan_ != nullptr && SPI_plan_is_valid(plan_); }

bool DynamicPlan::depends_on_row_security() const {
	if (plan_ == nullptr)
		return false;
	const SPIPlanPtr plan = plan_;
	return pg::call([plan] {
		const List *sources = SPI_plan_get_plan_sources(plan);
		for (int i = 0; i < list_length(sources); ++i)
			if (static_cast<CachedPlanSource *>(list_nth(sources, i))->dependsOnRLS)
				return true;
		return false;
	});
}

SPITupleTable *DynamicPlan::fetch(std::span<const Param> params, Access access, long limit) {
	Bound bound(params);
	execute_plan(prepared(), bound, access, limit);
	return SPI_tuptable;
}

/// Where the executor delivers: calls the function instead of copying. What C++ throws (bad_alloc) waits in `failed` until the
/// executor has come to its end; errors of PostgreSQL pass through, for nothing here has a destructor.
struct DynamicPlan::Receiver {
	DestReceiver base; // first: PostgreSQL knows this one
	RowFunction row;
	bool failed;

	static bool receive(TupleTableSlot *slot, DestReceiver *self) {
		Receiver &receiver = *reinterpret_cast<Receiver *>(self);
		const TupleDesc shape = slot->tts_tupleDescriptor;
		slot_getallattrs(slot);
		for (int i = 0; i < shape->natts; ++i)
			if (!slot->tts_isnull[i] && TupleDescAttr(shape, i)->attlen == -1)
				slot->tts_values[i] = PointerGetDatum(PG_DETOAST_DATUM_PACKED(slot->tts_values[i]));
		return receiver.deliver(slot->tts_values, slot->tts_isnull, shape);
	}
	bool deliver(const Datum *values, const bool *nulls, TupleDesc shape) noexcept {
		try {
			row.call(row.object, values, nulls, shape);
		} catch (...) {
			failed = true;
		}
		return !failed;
	}
};

void DynamicPlan::stream(std::initializer_list<Param> params, RowFunction row) {
	Receiver receiver{};
	receiver.base.receiveSlot = Receiver::receive;
	receiver.base.rStartup = [](DestReceiver *, int, TupleDesc) {};
	receiver.base.rShutdown = receiver.base.rDestroy = [](DestReceiver *) {};
	receiver.base.mydest = DestNone;
	receiver.row = row;
	Bound bound(params);
	SPIPlanPtr plan = prepared();
	const int n = static_cast<int>(types_.size());
	const Oid *types = types_.data();
	const int rc = call([plan, n, types, &bound, &receiver] {
		SPIExecuteOptions options{};
		options.params = makeParamList(n);
		for (int i = 0; i < n; ++i)
			options.params->params[i] = {bound.values[i], bound.nulls[i] == 'n', PARAM_FLAG_CONST, types[i]};
		options.read_only = true;
		options.dest = &receiver.base;
		return SPI_execute_plan_extended(plan, &options);
	});
	if (rc < 0)
		spi_failed("execute a statement", rc);
	if (receiver.failed)
		throw std::bad_alloc();
}

Rows DynamicPlan::rows(std::initializer_list<Param> params, Access access, long limit) {
	SpiScope spi;
	fetch(params, access, limit);
	return collect();
}

std::uint64_t DynamicPlan::run(std::initializer_list<Param> params) {
	SpiScope spi;
	fetch(params, Access::Write, 0);
	return SPI_processed;
}

std::uint64_t execute(const std::string &sql) {
	SpiScope spi;
	const char *text = sql.c_str();
	const int rc = call([text] { return SPI_execute(text, false, 0); });
	if (rc < 0)
		spi_failed("execute a statement", rc);
	return SPI_processed;
}

Rows query(const std::string &sql, std::initializer_list<Oid> types, std::initializer_list<Param> params, Access access) {
	SpiScope spi;
	Bound bound(params);
	Oid type_array[Plan::kMaxParams];
	std::copy(types.begin(), types.end(), type_array);
	const char *text = sql.c_str();
	const int n = static_cast<int>(types.size());
	Oid *t = type_array;
	const int rc = call([text, n, t, &bound, access] {
		return SPI_execute_with_args(text, n, t, bound.values, bound.nulls, access == Access::Read, 0);
	});
	if (rc < 0)
		spi_failed("execute a statement", rc);
	return collect();
}

Cursor::Cursor(const std::string &sql, std::initializer_list<Oid> types, std::initializer_list<Param> params)
	: exceptions_(std::uncaught_exceptions()) {
	Bound bound(params);
	Oid type_array[Plan::kMaxParams];
	std::copy(types.begin(), types.end(), type_array);
	const char *text = sql.c_str();
	const int n = static_cast<int>(types.size());
	Oid *t = type_array;
	portal_ = call([text, n, t, &bound] {
		return SPI_cursor_open_with_args(nullptr, text, n, t, bound.values, bound.nulls, true, CURSOR_OPT_NO_SCROLL);
	});
}

Cursor::Cursor(DynamicPlan &plan, std::span<const Param> params) : exceptions_(std::uncaught_exceptions()) {
	Bound bound(params);
	const SPIPlanPtr prepared = plan.prepared();
	portal_ = call([prepared, &bound] { return SPI_cursor_open(nullptr, prepared, bound.values, bound.nulls, true); });
}

Cursor::~Cursor() {
	if (std::uncaught_exceptions() == exceptions_ && portal_ != nullptr)
		SPI_cursor_close(portal_);
}

SPITupleTable *Cursor::next(long n) {
	call([this, n] {
		if (block_ != nullptr)
			SPI_freetuptable(block_);
		SPI_cursor_fetch(portal_, true, n);
		CHECK_FOR_INTERRUPTS();
	});
	block_ = SPI_tuptable;
	return SPI_processed == 0 ? nullptr : block_;
}

std::string quote_identifier(std::string_view name) {
	std::string out = "\"";
	for (const char c : name) {
		if (c == '"')
			out += '"';
		out += c;
	}
	return out + '"';
}

std::string quote_literal(std::string_view value) {
	const bool escapes = value.find('\\') != std::string_view::npos;
	std::string out = escapes ? "E'" : "'";
	for (const char c : value) {
		if (c == '\'' || c == '\\')
			out += c;
		out += c;
	}
	return out + '\'';
}

} // namespace recsys::pg
