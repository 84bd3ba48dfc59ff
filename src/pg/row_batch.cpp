#include "pg/row_batch.hpp"

#include <exception>

namespace recsys::pg {

RowBatch::RowBatch(const Columns &columns, int memory_kb)
	: datums_(columns.size()), nulls_(columns.size()), exceptions_(std::uncaught_exceptions()) {
	const int n = static_cast<int>(columns.size());
	descriptor_ = call([n] { return CreateTemplateTupleDesc(n); });
	for (int i = 0; i < n; ++i) {
		const char *name = columns[i].first.c_str();
		const Oid type = columns[i].second;
		call([this, i, name, type] {
			TupleDescInitEntry(descriptor_, static_cast<AttrNumber>(i + 1), name, type, -1, 0);
		});
	}
	store_ = call([memory_kb] { return tuplestore_begin_heap(false, false, memory_kb); });
}

// After an error the (sub)transaction's abort frees the memory and closes the temporary files.
RowBatch::~RowBatch() {
	if (std::uncaught_exceptions() == exceptions_)
		tuplestore_end(store_);
}

void RowBatch::add(const std::vector<Param> &values) {
	for (std::size_t i = 0; i < values.size(); ++i) {
		datums_[i] = values[i].value;
		nulls_[i] = values[i].null;
	}
	static_assert(sizeof(bool) == sizeof(char));
	Datum *datums = datums_.data();
	bool *nulls = reinterpret_cast<bool *>(nulls_.data());
	call([this, datums, nulls] { tuplestore_putvalues(store_, descriptor_, datums, nulls); });
	++size_;
}

void RowBatch::attach() {
	relation_.md.name = const_cast<char *>("recsys_rows");
	relation_.md.reliddesc = InvalidOid;
	relation_.md.tupdesc = descriptor_;
	relation_.md.enrtype = ENR_NAMED_TUPLESTORE;
	relation_.md.enrtuples = static_cast<double>(size_);
	relation_.reldata = store_;
	const int rc = call([this] { return SPI_register_relation(&relation_); });
	if (rc != SPI_OK_REL_REGISTER)
		throw Error("XX000", "could not register rows with a statement",
					std::string("SPI returned ") + SPI_result_code_string(rc) + ".");
}

std::uint64_t RowBatch::run(DynamicPlan &plan) {
	SpiScope spi;
	attach();
	plan.fetch({}, Access::Write);
	return SPI_processed;
}

std::int64_t RowBatch::number(DynamicPlan &plan) {
	SpiScope spi;
	attach();
	const SPITupleTable *rows = plan.fetch({}, Access::Write);
	bool null = false;
	return DatumGetInt64(heap_getattr(rows->vals[0], 1, rows->tupdesc, &null));
}

Scratch::Scratch(MemoryContext parent) : exceptions_(std::uncaught_exceptions()) {
	if (parent == nullptr)
		parent = CurrentMemoryContext;
	context_ = call([parent] { return AllocSetContextCreate(parent, "recsys rows", ALLOCSET_DEFAULT_SIZES); });
}

// After an error the error's own data may lie in the context: the abort frees both.
Scratch::~Scratch() {
	if (std::uncaught_exceptions() == exceptions_)
		MemoryContextDelete(context_);
}

Scratch::Use::Use(const Scratch &scratch)
	: outer_(CurrentMemoryContext), context_(scratch.context_), exceptions_(std::uncaught_exceptions()) {
	MemoryContextSwitchTo(context_);
}

Scratch::Use::~Use() {
	MemoryContextSwitchTo(outer_);
	if (std::uncaught_exceptions() == exceptions_)
		MemoryContextReset(context_);
}

} // namespace recsys::pg
