#include "filter/parser.hpp"
#include "recipe/user_affinity.hpp"

#include "serve/filter_cache.hpp"

#include "serve/candidate_test.hpp"
#include "serve/history.hpp"

#include "catalog/fields.hpp"
#include "catalog/filters.hpp"
#include "pg/expression.hpp"
#include "pg/report.hpp"
#include "pg/settings.hpp"
#include "pg/snapshot.hpp"

namespace recsys::serve {

using catalog::Json;
using filter::Form;
using filter::ParameterType;
using filter::ParameterValue;

namespace {

constexpr std::size_t kMaxKept = 64;

std::string quoted(const std::string &text) {
	std::string out = "\"";
	for (const char c : text)
		out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
	return out + '"';
}

std::string value_text(const std::string &placeholder, const Json &value) {
	if (value.is_string())
		return value.get<std::string>();
	if (value.is_number())
		return value.dump();
	std::string out;
	if (value.is_array() && !value.empty())
		for (const Json &element : value) {
			if (!element.is_string()) {
				out.clear();
				break;
			}
			out += (out.empty() ? "" : ",") + quoted(element.get<std::string>());
		}
	if (out.empty())
		throw Error(sqlstate::InvalidParameter, "value of placeholder $" + placeholder + " must be a string, a number or strings",
					"Found " + value.dump() + ".", "Leave out what has no value.");
	return out;
}

// What answers are made of.
filter::Target answers_with(const recipe::RecipeSpec &spec) {
	switch (spec.type) {
	case recipe::RecipeType::PersonalizedActions:
		return filter::Target::Action;
	case recipe::RecipeType::UserSegmentation:
		return filter::Target::User;
	default:
		return filter::Target::Item;
	}
}

const char *things(filter::Target target) {
	return target == filter::Target::Item ? "items" : target == filter::Target::User ? "users" : "actions";
}

void check_use(const Endpoint &endpoint, const FilterChoice &choice, const filter::Filter &filter) {
	const recipe::RecipeSpec &spec = endpoint.spec();
	if (const filter::Target target = target_of(filter), wanted = answers_with(spec); target != wanted) {
		const std::string whole = things(wanted), id = to_string(wanted);
		throw Error(sqlstate::InvalidParameter, "filter \"" + choice.name + "\" is not for " + whole,
					std::string("It filters ") + to_string(target) + "; " + endpoint.called() + " answers with " + whole + ".",
					"Filters of " + whole + " begin with INCLUDE " + id + " or EXCLUDE " + id + ".");
	}
	if (uses(filter, filter::Relation::Interactions) && recipe::asks_for_attributes(spec))
		throw Error(sqlstate::InvalidParameter, "filter \"" + choice.name + "\" is not for recipe \"" + std::string(spec.name) + "\"",
					"It names Interactions, and segments by attributes are filtered by Users alone.", "Use it with recipe \"item-affinity\".");
	if (uses(filter, filter::Relation::CurrentItem) && !spec.needs_item)
		throw Error(sqlstate::InvalidParameter, "filter \"" + choice.name + "\" needs an item to compare with",
					"It names CurrentItem, and recipe \"" + std::string(spec.name) + "\" of " + endpoint.called() +
						" does not recommend for an item.",
					"Use it with a campaign for related items.");
}

void tell_dropped(const FilterChoice &choice, const std::vector<std::string> &dropped) {
	std::string list;
	for (const std::string &part : dropped)
		list += (list.empty() ? "" : "; ") + part;
	pg::notice("part of filter \"" + choice.name + "\" is left out for want of a value", "Left out: " + list + ".");
}

// The request's own ids, each looked up only if it is asked for.
class Binder {
public:
	Binder(Endpoint &endpoint, const Subject &subject) : endpoint_(endpoint), subject_(subject) {}

	pg::Param bind(const filter::Parameter &parameter, const ParameterValue &value) const {
		switch (parameter.type) {
		case ParameterType::TextArray:
			return pg::text_array(std::get<std::vector<std::string>>(value));
		case ParameterType::Bigint:
			return pg::int8(std::get<std::int64_t>(value));
		case ParameterType::Numeric:
			return pg::numeric(std::get<std::string>(value));
		case ParameterType::Real:
			return pg::float4(std::get<float>(value));
		case ParameterType::Double:
		case ParameterType::Epoch:
			return pg::float8(std::get<double>(value));
		case ParameterType::User:
			return subject_.user ? pg::id_param(*subject_.user, endpoint_.user_type()) : pg::null();
		case ParameterType::Users:
			return subject_.user ? user_ids_param(endpoint_, *subject_.user) : pg::null();
		case ParameterType::Item:
			break;
		}
		return subject_.item ? pg::id_param(*subject_.item, endpoint_.item_type()) : pg::null();
	}

private:
	Endpoint &endpoint_;
	const Subject &subject_;
};

/// The statements around an expression. Its own names come first: those of the candidates are such that nobody means them.
std::shared_ptr<PredicatePlans> plans_of(const Endpoint &endpoint, const std::string &expression) {
	if (!endpoint.items())
		throw Error(sqlstate::NotFound, "dataset group \"" + endpoint.group().name + "\" has no items dataset", {},
					"The predicate is about its rows; create it with recsys.create_dataset.");
	std::vector<std::string> columns;
	for (const catalog::FixedColumn &column : catalog::fixed_columns(catalog::DatasetType::Items))
		if (std::string_view(column.name) != "streamed")
			columns.emplace_back(column.name);
	for (const catalog::Field &field : endpoint.items()->fields)
		columns.push_back(field.name);
	const auto rows = [&](const std::string &where) {
		return "(" + catalog::union_sql(endpoint.group(), *endpoint.items(), columns, where) + ") AS items";
	};
	const std::string condition = "(" + expression + "\n)";
	const Oid ids = pg::id_array_type(endpoint.item_type());
	auto plans = std::make_shared<PredicatePlans>();
	plans->block = pg::DynamicPlan(
		"SELECT recsys_candidate.recsys_n FROM pg_catalog.unnest($1) WITH ORDINALITY AS recsys_candidate (recsys_id, recsys_n)"
		" WHERE EXISTS (SELECT FROM " + rows("{item_id} OPERATOR(pg_catalog.=) recsys_candidate.recsys_id") + " WHERE " + condition + ")",
		{ids}, CURSOR_OPT_GENERIC_PLAN);
	plans->catalogue = pg::DynamicPlan("SELECT items.item_id, items.creation_timestamp FROM " + rows("") + " WHERE " + condition, {ids});
	return plans;
}

} // namespace

std::optional<FilterChoice> filter_choice(const std::optional<std::string> &name, const std::string &values) {
	const Json given = catalog::parse_json(values, "filter_values");
	if (!given.is_object())
		throw Error(sqlstate::InvalidParameter, "argument \"filter_values\" must be a JSON object");
	if (!name && !given.empty())
		throw Error(sqlstate::InvalidParameter, "argument \"filter_values\" is given without a filter");
	if (!name)
		return std::nullopt;
	FilterChoice choice{*name, {}};
	for (const auto &[placeholder, value] : given.items())
		choice.values.emplace(placeholder, value_text(placeholder, value));
	return choice;
}

template <class T, class Load>
std::shared_ptr<const T> FilterCache::find(Cache<T> &cache, const std::string &key, Load &&load) {
	if (const auto it = cache.find(key); it != cache.end()) {
		if (it->second.transaction == 0 || it->second.transaction == pg::current_transaction())
			return it->second.value;
		cache.erase(it);
	}
	const pg::FreshSnapshot snapshot;
	const std::uint64_t generation = catalog::cache_generation();
	Kept<T> kept{std::make_shared<const T>(load()), snapshot.lasting() ? 0 : pg::current_transaction()};
	if (catalog::cache_generation() != generation)
		return kept.value; // something changed meanwhile: good for this request only
	if (cache.size() == kMaxKept)
		cache.clear();
	return cache.emplace(key, std::move(kept)).first->second.value;
}

std::shared_ptr<const FilterCache::Planned> FilterCache::plan(Endpoint &endpoint, const FilterChoice &choice,
															   const filter::Applied &applied,
															   const std::set<std::string> &fractions) {
	std::string key = std::to_string(pg::settings::filter_history_limit) + ' ' + applied.filter.text;
	for (const std::string &part : applied.dropped)
		key += '\0' + part;
	for (const std::string &placeholder : fractions)
		key += std::string("\0$", 2) + placeholder;
	return find(planned_, key, [&]() -> Planned {
		try {
			const catalog::FilterLanguage language(endpoint.group());
			catalog::FilterStatement block = language.statement(applied.filter, Form::PerCandidate, fractions),
									 catalogue = language.statement(applied.filter, Form::Joined, fractions);
			auto plans = std::make_shared<PredicatePlans>();
			plans->block = pg::DynamicPlan(std::move(block.sql), block.types, CURSOR_OPT_GENERIC_PLAN);
			plans->catalogue = pg::DynamicPlan(std::move(catalogue.sql), catalogue.types);
			return {std::move(plans), std::move(block.parameters)};
		} catch (const Error &e) {
			if (std::string_view(e.sqlstate()) != sqlstate::InvalidFilter)
				throw;
			throw Error(sqlstate::InvalidFilter, "filter \"" + choice.name + "\" does not fit its datasets any more",
						std::string("The ") + e.what() + ".", "Restore what is missing, or delete the filter and make another.");
		}
	});
}

std::shared_ptr<const filter::Filter> FilterCache::find_filter(Endpoint &endpoint, const FilterChoice &choice) {
	std::shared_ptr<const filter::Filter> written = find(parsed_, choice.name, [&] {
		return filter::parse(choice.expression.empty() ? catalog::filter_expression(endpoint.group(), choice.name) : choice.expression);
	});
	check_use(endpoint, choice, *written);
	return written;
}

void FilterCache::check(Endpoint &endpoint, const std::string &name) { find_filter(endpoint, {name, {}}); }

filter::Applied FilterCache::apply(Endpoint &endpoint, const FilterChoice &choice) {
	const std::shared_ptr<const filter::Filter> written = find_filter(endpoint, choice);
	filter::Applied applied = apply_values(*written, choice.values);
	if (!applied.dropped.empty())
		tell_dropped(choice, applied.dropped);
	return applied;
}

Predicate FilterCache::bind(Endpoint &endpoint, const FilterChoice &choice, const filter::Applied &applied, const Subject &subject) {
	std::shared_ptr<const Planned> planned = plan(endpoint, choice, applied);
	if (const std::set<std::string> fractions = filter::fractions_of(planned->parameters, choice.values); !fractions.empty())
		planned = plan(endpoint, choice, applied, fractions);
	Predicate out{planned->plans, {}};
	const Binder binder(endpoint, subject);
	const std::vector<ParameterValue> values = filter::bind_values(planned->parameters, choice.values);
	for (std::size_t i = 0; i < values.size(); ++i)
		out.parameters.push_back(binder.bind(planned->parameters[i], values[i]));
	return out;
}

std::optional<Predicate> FilterCache::bind(Endpoint &endpoint, const FilterChoice &choice, const Subject &subject) {
	const filter::Applied applied = apply(endpoint, choice);
	if (applied.filter.expressions.empty())
		return std::nullopt;
	return bind(endpoint, choice, applied, subject);
}

Predicate FilterCache::bind_expression(Endpoint &endpoint, const std::string &expression) {
	const std::shared_ptr<const Planned> planned = find(planned_, "WHERE " + expression, [&]() -> Planned {
		pg::check_expression(expression, "predicate");
		return {plans_of(endpoint, expression), {}};
	});
	return {planned->plans, {}};
}

} // namespace recsys::serve
