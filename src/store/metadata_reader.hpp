// The metadata of an items or users dataset, and the context of interactions, as features: which fields are trained on, and how their values are read from
// PostgreSQL's tuples.
//
// Categorical fields are split at "|"; numeric ones are numbers; a textual one becomes words, by the parser and the dictionaries
// of its language, and pairs of characters where it is Chinese or Japanese. All others are stored and filtered by, but never
// trained on.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "data/features.hpp"

#include "catalog/catalog.hpp"
#include "pg/row_batch.hpp"
#include "pg/text_search.hpp"

namespace recsys::store {

/// Adds each of the values that stand in a text, separated by "|".
void read_categories(std::string_view text, std::size_t column, data::FeatureRow &row);

class MetadataReader {
public:
	/// Leaves out the fields named in `excluded`. Errors: 42704 for a language that no longer exists.
	MetadataReader(const catalog::Dataset &dataset, const std::vector<std::string> &excluded);
	/// Reads the sparse columns of an encoder, whose rows it makes, as far as the dataset still has them. May live as long as the session.
	MetadataReader(const catalog::Dataset &dataset, const data::FeatureEncoder &encoder);

	bool empty() const { return fields_.empty(); }
	std::vector<data::FeatureColumn> columns() const;
	/// Of the dataset, to be asked for in this order.
	std::vector<std::string> names() const;
	/// Reads the fields, which stand in `values` from the first on with the types of `shape` from column `first` on, and gives
	/// the row to `use`, for whose time alone it lives.
	template <class Use> void read(const Datum *values, const bool *nulls, const TupleDesc shape, int first, Use &&use) {
		const pg::Scratch::Use scratch(scratch_);
		row_.clear();
		texts_.clear();
		for (std::size_t f = 0; f < fields_.size(); ++f)
			read_field(f, values[f], nulls[f], TupleDescAttr(shape, first + static_cast<int>(f))->atttypid);
		use(static_cast<const data::FeatureRow &>(row_));
	}

private:
	struct Field {
		catalog::Field field;
		data::FeatureKind kind;
		std::size_t column; // of the rows
		Oid config = InvalidOid; // of a text
	};
	void add(const catalog::Field &field, std::size_t column);
	void read_field(std::size_t f, Datum value, bool null, Oid type);
	void read_words(std::size_t f, std::string_view text);

	std::vector<Field> fields_;
	bool utf8_;
	pg::Scratch scratch_;
	data::FeatureRow row_;
	std::vector<pg::Lexeme> lexemes_;
	std::vector<std::string> pairs_;
	std::string rest_;
	std::deque<std::string> texts_; // categories that are not text in the table
};

} // namespace recsys::store
