#include "serve/action_statements.hpp"

#include <algorithm>

#include "store/action_reader.hpp"

namespace recsys::serve {

using catalog::DatasetType;

namespace {

constexpr const char *kOfUser = "{user_id} OPERATOR(pg_catalog.=) ANY ($1)";

// With ties, as several answers may share a time and a plain limit would depend on the plan.
std::string newest(std::size_t n) {
	return " ORDER BY \"timestamp\" DESC FETCH FIRST " + std::to_string(n) + " ROWS WITH TIES";
}

const recipe::ActionScorer &scorer_of(const Endpoint &endpoint) {
	return dynamic_cast<const recipe::ActionScorer &>(endpoint.model().scorer());
}

} // namespace

ActionStatements::ActionStatements(const Endpoint &endpoint)
	: scorer(scorer_of(endpoint)), user_columns(scorer.user_attributes().columns()) {
	const catalog::Group &group = endpoint.group();
	const Oid users = pg::id_array_type(endpoint.user_type());
	const auto plan = [&](std::string sql) { return pg::DynamicPlan(std::move(sql), {users}, CURSOR_OPT_GENERIC_PLAN); };
	const catalog::Dataset rows = catalog::require_dataset(group, DatasetType::Actions);
	action_type = rows.item_id_type;
	actions = pg::DynamicPlan(
		catalog::union_sql(group, rows, {"action_id", "value", "creation_timestamp", "expiration_timestamp", "repeat_frequency"}), {});
	events = plan(catalog::union_sql(group, catalog::require_dataset(group, DatasetType::Interactions),
									 {"item_id", "event_type", "timestamp"}, kOfUser + endpoint.event_condition()) +
				  newest(recipe::kMaxEvents));
	const auto answered = catalog::find_dataset(group, DatasetType::ActionInteractions);
	has_answers = answered.has_value();
	if (has_answers) {
		answers = plan(catalog::union_sql(group, *answered, {"action_id", "event_type", "timestamp"}, kOfUser) +
					   newest(recipe::kMaxResponses));
		last_answers = plan("SELECT r.action_id, pg_catalog.max(r.\"timestamp\") FROM (" +
							catalog::union_sql(group, *answered, {"action_id", "timestamp"}, kOfUser) + ") AS r GROUP BY r.action_id");
	}
	const auto described = catalog::find_dataset(group, DatasetType::Users);
	has_users = described && !user_columns.empty();
	if (!has_users)
		return;
	// A column that has gone since the training is absent.
	std::vector<std::string> names{"user_id"};
	std::string list;
	const std::vector<recipe::AttributeColumn> present = store::attribute_columns(described);
	for (const recipe::AttributeColumn &column : user_columns) {
		const bool found = std::any_of(present.begin(), present.end(), [&](const auto &p) {
			return p.name == column.name && p.categorical == column.categorical;
		});
		if (found)
			names.push_back(column.name);
		list += found ? store::attribute_list({column}) : column.categorical ? ", NULL::pg_catalog.text" : ", NULL::pg_catalog.float8";
	}
	user = plan("SELECT " + list.substr(2) + " FROM (" + catalog::union_sql(group, *described, names, kOfUser) + ") AS r");
}

} // namespace recsys::serve
