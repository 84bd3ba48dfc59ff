// Typed rows built in C++ that SQL statements read as a table named recsys_rows.
//
// The rows lie in a tuplestore (memory first, temporary files beyond the limit) which the statement sees as an
// ephemeral named relation, the device behind the transition tables of triggers. So rows from JSON or CSV enter a table
// through plain INSERT … SELECT as the caller: no staging table to create, to protect or to leave behind, no value
// turned to text and back, and one plan that stays prepared.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pg/spi.hpp"

extern "C" {
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"
}

namespace recsys::pg {

class RowBatch {
public:
	using Columns = std::vector<std::pair<std::string, Oid>>;
	/// `memory_kb`: beyond it rows go to temporary files.
	RowBatch(const Columns &columns, int memory_kb);
	~RowBatch();
	RowBatch(const RowBatch &) = delete;
	RowBatch &operator=(const RowBatch &) = delete;

	/// Adds a copy of the row; `values` has one element a column.
	void add(const std::vector<Param> &values);
	std::uint64_t size() const { return size_; }

	/// Runs a statement that names recsys_rows; returns the number of rows it processed.
	std::uint64_t run(DynamicPlan &plan);
	/// The number, a bigint, that such a statement returns in its one row.
	std::int64_t number(DynamicPlan &plan);

private:
	void attach();
	TupleDesc descriptor_;
	Tuplestorestate *store_;
	std::vector<Datum> datums_;
	std::vector<char> nulls_; // bool is one byte; vector<bool> has no array
	EphemeralNamedRelationData relation_ = {};
	std::uint64_t size_ = 0;
	int exceptions_;
};

/// A memory context for the Params of one row after the other: current inside a Use, emptied at its end.
class Scratch {
public:
	/// A child of `parent`, which must outlive it; null: of the current context.
	explicit Scratch(MemoryContext parent = nullptr);
	~Scratch();
	Scratch(const Scratch &) = delete;
	Scratch &operator=(const Scratch &) = delete;

	class Use {
	public:
		explicit Use(const Scratch &scratch);
		~Use();
		Use(const Use &) = delete;
		Use &operator=(const Use &) = delete;

	private:
		MemoryContext outer_, context_;
		int exceptions_;
	};

private:
	MemoryContext context_;
	int exceptions_;
};

} // namespace recsys::pg
