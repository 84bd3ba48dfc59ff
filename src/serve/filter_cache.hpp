// Filters at a request: from a name and values to a predicate. A session keeps each filter parsed, and its statements planned for
// each set of conditions that values leave of it; both last as long as the endpoint, which goes when anything in the catalog
// changes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "filter/compile.hpp"

namespace recsys::serve {

class Endpoint;
struct Predicate;
struct PredicatePlans;

/// A filter as a request names it.
struct FilterChoice {
	std::string name;
	filter::Values values;
	std::string expression = {}; // of a filter that is no resource; its name is then for messages only
};
/// Nothing without a name. `values` is a JSON object of placeholders; a value is a text in the form of filter/values.hpp, a
/// number, or an array of strings. Errors: 22023, also for values without a filter.
std::optional<FilterChoice> filter_choice(const std::optional<std::string> &name, const std::string &values);

/// For whom, or for which item, a request asks; empty where it does not.
struct Subject {
	std::optional<std::string> user, item;
};

class FilterCache {
public:
	/// The filter with its values as a condition on what the recipe answers with; nothing when its values leave no condition. What
	/// is left out for want of a value is told in a notice. Within a SpiScope.
	/// Errors: RS001; RS005 when datasets no longer have its fields; 22023 for values, for a filter of other things than the recipe
	/// answers with, and for one that names CurrentItem where the recipe does not recommend for an item.
	std::optional<Predicate> bind(Endpoint &endpoint, const FilterChoice &choice, const Subject &subject);
	/// Whether the endpoint's answers can be filtered by it, whatever its values. Errors: RS001, 22023.
	void check(Endpoint &endpoint, const std::string &name);
	/// The filter with its values, as bind() understands it: checked, and without what has no value.
	filter::Applied apply(Endpoint &endpoint, const FilterChoice &choice);
	/// What apply() gave, or some of its expressions, which are then `text`. It has at least one.
	Predicate bind(Endpoint &endpoint, const FilterChoice &choice, const filter::Applied &applied, const Subject &subject);
	/// An SQL expression over the rows of the items dataset, under the name items. It is the caller's own code, and runs as such.
	/// Within a SpiScope. Errors: those of pg::check_expression; RS001 without an items dataset; PostgreSQL's own.
	Predicate bind_expression(Endpoint &endpoint, const std::string &expression);

private:
	std::shared_ptr<const filter::Filter> find_filter(Endpoint &endpoint, const FilterChoice &choice);
	struct Planned {
		std::shared_ptr<PredicatePlans> plans;
		std::vector<filter::Parameter> parameters;
	};
	/// What is loaded in a transaction with a fixed snapshot is good for that transaction only (0: for all).
	template <class T> struct Kept {
		std::shared_ptr<const T> value;
		std::uint32_t transaction = 0;
	};
	template <class T> using Cache = std::map<std::string, Kept<T>>;
	template <class T, class Load> std::shared_ptr<const T> find(Cache<T> &cache, const std::string &key, Load &&load);
	std::shared_ptr<const Planned> plan(Endpoint &endpoint, const FilterChoice &choice, const filter::Applied &applied,
										const std::set<std::string> &fractions = {});

	Cache<filter::Filter> parsed_; // by the name as requests write it
	Cache<Planned> planned_;	   // by text, what was left out, which values are no integers, and the limit on the history
};

} // namespace recsys::serve
