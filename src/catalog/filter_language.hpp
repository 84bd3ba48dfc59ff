// The filter language over the datasets of a group: which fields it sees, and the SQL that a filter becomes. What the language
// itself is says src/filter.
#pragma once

#include <map>
#include <set>

#include "filter/compile.hpp"

#include "catalog/catalog.hpp"

namespace recsys::catalog {

/// A filter as statements. Both have the predicate's parameters from $2 on.
struct FilterStatement {
	std::string sql;
	std::vector<Oid> types; // of all parameters
	std::vector<filter::Parameter> parameters; // of $2 …
};

class FilterLanguage {
public:
	explicit FilterLanguage(Group group);

	const Group &group() const noexcept { return group_; }
	/// The columns of the group's datasets; recsys's own (streamed, anonymous) are no fields.
	const filter::Fields &fields() const noexcept { return fields_; }

	/// Form PerCandidate: $1 is an array of ids, and the rows are the positions (bigint, from 1) of those that pass.
	/// Form Joined: every row of the candidates' dataset is a candidate, and those of $1 (an array of ids) as well; the rows
	/// are the ids that pass and, of items and actions, their creation_timestamp.
	/// The filter has at least one expression. Errors: RS005 when a field has gone since it was made; 42703, 42P01 for a broken
	/// mapping.
	/// `fractions`: filter::Embedding.
	FilterStatement statement(const filter::Filter &filter, filter::Form form, const std::set<std::string> &fractions = {}) const;

private:
	const Dataset *dataset(filter::Relation relation) const;
	std::string rows(const filter::WantedRows &wanted) const;
	Oid id_type(filter::Target target) const;
	Oid parameter_type(filter::ParameterType type) const;

	Group group_;
	std::map<filter::Relation, Dataset> datasets_;
	filter::Fields fields_;
	Oid user_type_ = TEXTOID, item_type_ = TEXTOID;
};

/// The statements around a predicate on candidates `c`, of which `id` ("item_id" …) and, in the form Joined, "created" are
/// columns. `joins` stand after the candidates; `dataset` may be null: then the candidates are those of $1 alone. `columns` are
/// further ones of the dataset that the predicate is about.
std::string candidates_in_blocks(const std::string &id, const std::string &joins, const std::string &predicate);
std::string candidates_of_catalogue(const Group &group, const Dataset *dataset, const std::string &id,
									const std::vector<std::string> &columns, const std::string &joins, const std::string &predicate);

} // namespace recsys::catalog
