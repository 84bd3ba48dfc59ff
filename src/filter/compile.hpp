// A filter as one SQL expression.
//
// The expression is boolean, never NULL, and stands in a statement that has the candidates under an alias:
//
//   SELECT c.item_id FROM (…) AS c <joins> WHERE <predicate>
//
// There are two forms with one meaning. PerCandidate looks each candidate's rows up by index: for hundreds of
// candidates. Joined reads the datasets once and joins: for all of a catalogue. Where the candidates are the rows of
// their own dataset, conditions on it are about the candidate's columns, and the predicate is then NULL where it is not met.
//
// Rows of datasets come from the embedding statement's author (rows), who knows tables, mappings and rights; the room
// asks for them by dataset, columns and a condition. Values never become text of the statement: each is a parameter,
// described in order, and bind_values() turns a request's values into theirs. Names of columns are quoted from Fields,
// and only those are used.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "filter/ast.hpp"
#include "filter/check.hpp"
#include "filter/values.hpp"

namespace recsys::filter {

enum class ParameterType {
	TextArray, // text[]
	Bigint,    // bigint
	Numeric,   // numeric
	Real,      // real
	Double,    // double precision
	Epoch,     // double precision: seconds since 1970
	User,      // the request's user, of the group's user id type; NULL without one
	Users, // the ids under which the request's user has events (himself and his aliases), as an array; NULL without one
	Item   // the request's item, of the group's item id type; NULL without one
};
/// "text[]" …; empty for User, Users and Item, whose types are the group's.
const char *sql_type(ParameterType type) noexcept;

/// By type: strings for TextArray, an integer for Bigint, digits for Numeric, float for Real, double for Double and
/// Epoch, nothing for the request's own ids.
using ParameterValue = std::variant<std::monostate, std::vector<std::string>, std::int64_t, std::string, float, double>;

struct Parameter {
	ParameterType type = ParameterType::TextArray;
	std::string placeholder;              // empty: `literal`, or the request's own id
	ParameterValue literal;               // of a literal
	ColumnType column = ColumnType::Text; // what the value is compared with
	bool one_string = false;              // a placeholder of = or != takes one string, not a list
};

struct SqlPredicate {
	std::string sql;
	std::string joins;                 // to stand after the candidates; empty in the form PerCandidate
	std::vector<std::string> columns;  // of the candidates, beside their id: those that Embedding::candidates_are_rows allows
	std::vector<Parameter> parameters; // $first_parameter, …
};

enum class Form { PerCandidate, Joined };

/// Rows of a dataset (one of the five) that meet both conditions (if not empty), in which {column} stands for a column of the
/// dataset.
struct WantedRows {
	Relation dataset = Relation::Items;
	std::vector<std::string> columns;
	std::string of_request;	  // the request's user or item; parameters occur in it
	std::string of_candidate; // `candidate` occurs in it
};

struct Embedding {
	std::string candidate =
		"c"; // alias of the candidates; its column is item_id, user_id or action_id by the filter's target
	std::size_t first_parameter = 1; // number of the first parameter
	Form form = Form::PerCandidate;
	/// A SELECT of a dataset's rows: what catalog::union_sql gives.
	std::function<std::string(const WantedRows &)> rows;
	/// In the form Joined: the candidates are the rows of their own dataset, one a candidate; those without a row have NULLs.
	bool candidates_are_rows = false;
	/// Placeholders whose values are no 64-bit integers: where they meet integers, both are compared as numeric.
	std::set<std::string> fractions = {};
};

/// Errors: RS005 when a field has gone since the filter was made. Placeholders without value must be gone: see
/// apply_values.
SqlPredicate compile(const Filter &filter, const Fields &fields, const Embedding &embedding);

/// The placeholders whose values are no 64-bit integers, of parameters that are: compile again with these as
/// Embedding::fractions. Errors: 22023 for a value that is no number.
std::set<std::string> fractions_of(const std::vector<Parameter> &parameters, const Values &values);

/// The parameters' values for a request, in order. Errors: 22023 for a value that does not fit its field.
std::vector<ParameterValue> bind_values(const std::vector<Parameter> &parameters, const Values &values);

} // namespace recsys::filter
