// Library headers come first, so the headers that bring them do.
#include "store/model_cache.hpp"

#include "ops/drift.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "stats/campaigns.hpp"

namespace recsys::ops {

namespace {

using catalog::DatasetType;

constexpr int kEvents = 100000, kEnough = 1000; // the newest so many, and as many before; with fewer nothing is said
constexpr int kSubjects = 100;					// users, or items, whose lists are looked at
constexpr std::size_t kLarge = 1000;			// items; in a smaller catalogue lists cannot but be alike
constexpr std::size_t kGroups = 10;
constexpr double kUnknownLimit = 0.1, kConcentrationLimit = 0.5;
// Of a population stability index: below 0.1 nothing has changed, above 0.25 much has. The bounds are those of credit scoring
// (Siddiqi, Credit Risk Scorecards, 2006).
constexpr double kShiftLimit = 0.25;

using Counts = std::map<std::string, double, std::less<>>; // events by item

struct Deployed {
	std::int64_t version_id;
	std::string version;
	std::optional<std::string> event_type; // trained on this one alone
	std::optional<std::string> newest; // the newest timestamp that was trained on, in microseconds as PostgreSQL counts
};

Deployed deployed(const catalog::Found &campaign) {
	static pg::Plan find{"SELECT v.id, s.name || '/' || v.number, v.config->>'event_type', nullif(v.data_mark->>'newest', '')"
						 " FROM recsys_internal.campaign AS c JOIN recsys_internal.solution_version AS v ON v.id = c.version_id"
						 " JOIN recsys_internal.solution AS s ON s.id = v.solution_id WHERE c.id = $1",
						 {INT8OID}};
	const pg::AsOwner owner;
	const std::optional<pg::Row> row = find.row({pg::int8(campaign.id)}, pg::Access::Read);
	if (!row)
		throw Error(sqlstate::NotActive, "campaign \"" + campaign.name + "\" has no version to look at");
	return {row->int8(0), row->text(1), row->optional_text(2), row->optional_text(3)};
}

/// Of the newest kEvents events after a time, or up to it.
Counts count_events(const catalog::Group &group, const Deployed &version, TimestampTz time, bool after) {
	const catalog::Dataset events = catalog::require_dataset(group, DatasetType::Interactions);
	const std::string sql = "SELECT e.item_id::text, count(*) FROM (SELECT i.item_id FROM (" +
							catalog::union_sql(group, events, {"item_id", "timestamp"}, std::string(after ? "{timestamp > $1}" : "{timestamp <= $1}") + " AND ($2 IS NULL OR {event_type} = $2)") +
							") AS i ORDER BY i.\"timestamp\" DESC LIMIT " + std::to_string(kEvents) + ") AS e WHERE e.item_id IS NOT NULL GROUP BY 1";
	Counts out;
	for (const pg::Row &row : pg::query(sql, {TIMESTAMPTZOID, TEXTOID}, {pg::timestamptz(time), pg::text(version.event_type)}, pg::Access::Read))
		out.emplace(row.text(0), static_cast<double>(row.int8(1)));
	return out;
}

double sum(const Counts &counts) {
	double all = 0;
	for (const auto &[item, n] : counts)
		all += n;
	return all;
}

std::string share_of(double part, double all, const std::string &what) {
	char text[64];
	std::snprintf(text, sizeof text, "%.0f of %.0f ", part, all);
	return text + what;
}

DriftMeasure unknown_items(const Counts &now, const store::Model &model) {
	DriftMeasure out{"unknown_item_share", std::nullopt, kUnknownLimit, {}};
	double unknown = 0;
	const double all = sum(now);
	for (const auto &[item, n] : now)
		if (model.find_item(item) == data::kNone)
			unknown += n;
	out.evidence = share_of(unknown, all, "events since the training are with items that the model does not know");
	if (all >= kEnough)
		out.value = unknown / all;
	return out;
}

// Items are put into groups by their share of events before, each with a tenth of them, and items without an event before into one more.
DriftMeasure popularity_shift(const Counts &before, const Counts &now) {
	DriftMeasure out{"popularity_shift", std::nullopt, kShiftLimit, {}};
	const double all_before = sum(before), all_now = sum(now);
	out.evidence = share_of(all_now, all_before, "events since the training, and before it, by a tenth of the latter each");
	if (all_now < kEnough || all_before < kEnough)
		return out;
	std::vector<std::pair<double, const std::string *>> ranked;
	for (const auto &[item, n] : before)
		ranked.emplace_back(n, &item);
	std::sort(ranked.begin(), ranked.end(), [](const auto &a, const auto &b) { return a.first != b.first ? a.first > b.first : *a.second < *b.second; });
	std::vector<double> then(kGroups + 1, 0), since(kGroups + 1, 0);
	double passed = 0;
	for (const auto &[n, item] : ranked) {
		const auto group = std::min(static_cast<std::size_t>((passed + n / 2) / all_before * kGroups), kGroups - 1);
		passed += n;
		then[group] += n;
		if (const auto at = now.find(*item); at != now.end())
			since[group] += at->second;
	}
	double rest = all_now;
	for (const double n : since)
		rest -= n;
	since[kGroups] = rest;
	double index = 0;
	for (std::size_t g = 0; g <= kGroups; ++g) {
		const double a = (then[g] + 0.5) / all_before, b = (since[g] + 0.5) / all_now;
		index += (b - a) * std::log(b / a);
	}
	out.value = index;
	return out;
}

// How often each item stands in the lists of those who (or which) were active last.
Counts listed_items(const catalog::Found &campaign, const recipe::RecipeSpec &spec) {
	const char *subject = spec.needs_user ? "user_id" : "item_id";
	const catalog::Dataset events = catalog::require_dataset(campaign.group, DatasetType::Interactions);
	const std::string newest = "SELECT DISTINCT n.id FROM (SELECT i." + std::string(subject) + "::text AS id FROM (" +
							   catalog::union_sql(campaign.group, events, {subject, "timestamp"}) +
							   ") AS i ORDER BY i.\"timestamp\" DESC NULLS LAST LIMIT " + std::to_string(kSubjects * 20) + ") AS n WHERE n.id IS NOT NULL LIMIT " + std::to_string(kSubjects);
	const std::string sql = "SELECT r.item_id, count(*) FROM (" + newest + ") AS s, LATERAL recsys.get_recommendations(" +
							pg::quote_literal(campaign.group.name + "." + campaign.name) + ", " + subject + " => s.id) AS r GROUP BY 1";
	const stats::Uncounted uncounted;
	Counts out;
	for (const pg::Row &row : pg::query(sql, {}, {}, pg::Access::Read))
		out.emplace(row.text(0), static_cast<double>(row.int8(1)));
	return out;
}

void add_lists(const catalog::Found &campaign, const store::Model &model, std::vector<DriftMeasure> &out) {
	const Counts listed = listed_items(campaign, model.spec());
	const std::size_t n_items = model.items().size();
	const double all = sum(listed);
	if (listed.empty() || n_items == 0)
		return;
	std::vector<double> by_count;
	for (const auto &[item, n] : listed)
		by_count.push_back(n);
	std::sort(by_count.rbegin(), by_count.rend());
	const std::size_t head = std::min(std::max<std::size_t>(n_items / 100, 1), by_count.size());
	double at_the_head = 0;
	for (std::size_t i = 0; i < head; ++i)
		at_the_head += by_count[i];
	const std::string lists = "in the lists of the " + std::to_string(kSubjects) + (model.spec().needs_user ? " users" : " items") + " with the newest events";
	out.push_back({"coverage", static_cast<double>(listed.size()) / static_cast<double>(n_items), std::nullopt,
				   share_of(static_cast<double>(listed.size()), static_cast<double>(n_items), "items stand " + lists)});
	out.push_back({"concentration", at_the_head / all, n_items >= kLarge ? std::optional(kConcentrationLimit) : std::nullopt,
				   share_of(at_the_head, all, "places " + lists + " go to " + std::to_string(head) + (head == 1 ? " item" : " items"))});
}

} // namespace

std::vector<DriftMeasure> drift(const catalog::Found &campaign) {
	const Deployed version = deployed(campaign);
	const pg::SafeSearchPath path;
	const pg::SpiScope spi;
	const std::shared_ptr<const store::Model> model = store::open_model(store::newest_revision(version.version_id), campaign.name);
	std::vector<DriftMeasure> out;
	if (version.newest) {
		const TimestampTz trained = std::stoll(*version.newest);
		const Counts now = count_events(campaign.group, version, trained, true);
		out.push_back(unknown_items(now, *model));
		out.push_back(popularity_shift(count_events(campaign.group, version, trained, false), now));
	}
	const recipe::RecipeType type = model->spec().type;
	if ((model->spec().needs_user || model->spec().needs_item) && type != recipe::RecipeType::PersonalizedRanking &&
		type != recipe::RecipeType::PersonalizedActions && type != recipe::RecipeType::UserSegmentation)
		add_lists(campaign, *model, out);
	return out;
}

} // namespace recsys::ops

using namespace recsys;

RECSYS_FUNCTION(drift) {
	const catalog::Found campaign = catalog::require_resource("campaign", call.text(0, "campaign"), catalog::Right::Read);
	pg::ResultTable out(call);
	for (const ops::DriftMeasure &m : ops::drift(campaign))
		out.row({pg::text(m.name), m.value ? pg::float8(*m.value) : pg::null(), m.limit ? pg::float8(*m.limit) : pg::null(),
				 pg::boolean(m.breached()), pg::text(m.evidence)});
	return call.result_void();
}

// Of the campaigns of a group (NULL: of all that the caller may read) that serve. A campaign that cannot be looked at is a row, too.
RECSYS_FUNCTION(drift_breaches) {
	static pg::Plan list{"SELECT id, name FROM recsys_internal.campaign WHERE group_id = $1 AND status = 'ACTIVE' ORDER BY name", {INT8OID}};
	const std::optional<std::string> only = call.optional_text(0);
	pg::ResultTable out(call);
	for (const catalog::Group &group : catalog::groups_with(catalog::Right::Read)) {
		if (only && *only != group.name)
			continue;
		pg::Rows rows;
		{
			const pg::AsOwner owner;
			rows = list.rows({pg::int8(group.id)}, pg::Access::Read);
		}
		for (const pg::Row &row : rows) {
			std::vector<ops::DriftMeasure> measures;
			const pg::Failure failure = pg::try_subtransaction([&] { measures = ops::drift({row.int8(0), row.text(1), group}); });
			if (failure.failed)
				out.row({pg::text(group.name), pg::text(row.text(1)), pg::null(), pg::null(), pg::null(), pg::text(failure.message)});
			for (const ops::DriftMeasure &m : measures)
				if (!failure.failed && m.breached())
					out.row({pg::text(group.name), pg::text(row.text(1)), pg::text(m.name), pg::float8(*m.value), pg::float8(*m.limit), pg::text(m.evidence)});
		}
	}
	return call.result_void();
}
