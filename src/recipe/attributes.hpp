// What a dataset says of each of its users or actions, one value a column: numbers, and categories as small numbers.
//
// Where data/training_set.hpp holds what happened, this holds what is: columns of a plain table for models that look at the
// values themselves, such as decision trees. A category's number is its rank by frequency; the 254 most frequent ones of a
// column count, the others are absent, as trees would put them all together anyway. Names and categories are bytes in the
// server's encoding.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/artifact.hpp"
#include "base/budget.hpp"
#include "data/interner.hpp"

namespace recsys::recipe {

struct AttributeColumn {
	std::string name;
	bool categorical; // else a number
};

/// How values of the columns become floats; stored in the model, so that a row read later is encoded alike.
class AttributeEncoder {
public:
	AttributeEncoder() = default;
	/// Sections "<name>.columns.*" and "<name>.categories.*". Errors of reading: RS007.
	AttributeEncoder(const artifact::View &view, std::string_view name);
	void write(artifact::Writer &writer, std::string_view name) const;

	const std::vector<AttributeColumn> &columns() const noexcept { return columns_; }
	/// NaN for a category that was not there.
	float category(std::size_t column, std::string_view value) const noexcept;
	/// NaN for what is not finite, or does not fit.
	static float number(double value) noexcept;

private:
	friend class AttributeTable;
	struct Category {
		std::string value;
		float code;
	};
	std::vector<AttributeColumn> columns_;
	std::vector<std::vector<Category>> categories_; // per column, ascending by value
};

/// Rows as read, in any order; of two rows of an id the later counts.
class AttributeTable {
public:
	AttributeTable(std::vector<AttributeColumn> columns, MemoryBudget *budget);
	/// Begins a row; its values follow.
	void row(std::string_view id);
	void number(std::size_t column, double value) { values_[at(column)] = AttributeEncoder::number(value); }
	void category(std::size_t column, std::string_view value);

	std::size_t n_columns() const noexcept { return columns_.size(); }
	std::size_t size() const noexcept { return ids_.size(); }
	std::string_view id(std::uint32_t row) const noexcept { return ids_[row]; }
	/// Numbers the categories by frequency; values() is encoded afterwards.
	AttributeEncoder encode();
	/// Of a row, column by column.
	std::span<const float> values(std::uint32_t row) const noexcept { return {values_.data() + row * columns_.size(), columns_.size()}; }

private:
	std::size_t at(std::size_t column) const noexcept { return row_ * columns_.size() + column; }
	std::vector<AttributeColumn> columns_;
	data::Interner ids_;
	std::vector<data::Interner> categories_; // per column
	Budgeted<float> values_;		   // before encode(): categories by order of arrival
	std::size_t row_ = 0;
};

} // namespace recsys::recipe
