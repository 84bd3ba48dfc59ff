#include "ops/check.hpp"

#include <algorithm>

#include "catalog/lifecycle.hpp"
#include "ops/rules.hpp"

namespace recsys::ops {

using catalog::Dataset;
using catalog::DatasetType;
using catalog::Group;

namespace {

constexpr DatasetType kTypes[] = {DatasetType::Interactions, DatasetType::Items, DatasetType::Users,
								  DatasetType::Actions, DatasetType::ActionInteractions};

// Settings for large aggregates, taken back at the end. Hashing 25 million rows should not go to disk in small pieces: what
// maintenance may use is there for this. Compiling queries takes seconds, during which nothing can be cancelled.
class LargeAggregates {
public:
	LargeAggregates() {
		pg::execute("SET LOCAL jit TO off");
		if (maintenance_work_mem > work_mem)
			pg::execute("SET LOCAL work_mem TO '" + std::to_string(maintenance_work_mem) + "kB'");
	}

private:
	const pg::SafeSearchPath nest_;
};

class Check {
public:
	explicit Check(const Group &group) : group_(group) {}

	Findings run() {
		for (const DatasetType type : kTypes)
			if (std::optional<Dataset> dataset = catalog::find_dataset(group_, type))
				look_at(std::move(*dataset));
		if (std::none_of(datasets_.begin(), datasets_.end(),
						 [](const Dataset &d) { return d.type == DatasetType::Interactions; })) {
			if (find_named("interactions") == found_.end())
				found_.push_back({Severity::Error, "interactions", "no dataset of interactions", "",
								  "Every recipe learns from what users did. Create it with recsys.create_dataset."});
		} else
			events_and_fit();
		if (const Dataset *actions = dataset(DatasetType::ActionInteractions))
			guarded(*actions, [&] { action_events(*actions); });
		for (const Dataset &d : datasets_)
			guarded(d, [&] { columns(d); });
		std::stable_sort(found_.begin(), found_.end(),
						 [](const Finding &a, const Finding &b) { return a.severity < b.severity; });
		return std::move(found_);
	}

private:
	Findings::iterator find_named(std::string_view object) {
		return std::find_if(found_.begin(), found_.end(), [&](const Finding &f) { return f.object == object; });
	}

	const Dataset *dataset(DatasetType type) const {
		const auto it =
			std::find_if(datasets_.begin(), datasets_.end(), [type](const Dataset &d) { return d.type == type; });
		return it == datasets_.end() ? nullptr : &*it;
	}

	std::optional<Dataset> copy(DatasetType type) const {
		const Dataset *d = dataset(type);
		return d == nullptr ? std::nullopt : std::optional<Dataset>(*d);
	}

	// What goes wrong while a dataset is read is what the check was made for.
	template <class F> bool guarded(const Dataset &d, F &&body) {
		const pg::Failure failure = pg::try_subtransaction(body);
		if (failure.interrupted)
			throw Error(failure.sqlstate, failure.message);
		if (failure.failed) {
			const bool refused = std::string_view(failure.sqlstate) == sqlstate::InsufficientPrivilege;
			std::string evidence = failure.message;
			if (*failure.detail != '\0')
				evidence += std::string(". ") + failure.detail;
			found_.push_back({refused ? Severity::Notice : Severity::Error, to_string(d.type),
							  refused ? "not checked for want of rights" : "cannot be read", evidence,
							  refused ? "Ask the owner for SELECT, or let him run the check." : failure.hint});
		}
		return !failure.failed;
	}

	// A dataset that can be read is kept for what follows.
	void look_at(Dataset d) {
		std::vector<std::string> problems;
		if (!guarded(d, [&] { problems = catalog::dataset_problems(group_, d); }))
			return;
		for (const std::string &problem : problems)
			found_.push_back(
				{Severity::Error, to_string(d.type), "broken dataset", problem,
				 d.mapped ? "Restore it, or map it anew with recsys.update_dataset." : "Restore the table."});
		std::vector<std::string> names;
		for (const catalog::FixedColumn &column : catalog::fixed_columns(d.type))
			names.emplace_back(column.name);
		for (const catalog::Field &field : d.fields)
			names.push_back(field.name);
		const bool readable = guarded(d, [&] {
			pg::query("SELECT FROM (" + catalog::union_sql(group_, d, names) + ") AS t LIMIT 1", {}, {},
					  pg::Access::Read);
			judge_relations(group_, d, found_);
			judge_unused_columns(group_, d, found_);
		});
		if (readable)
			datasets_.push_back(std::move(d));
	}

	void events_and_fit() {
		const Dataset &events = *dataset(DatasetType::Interactions);
		guarded(events, [&] {
			Picture picture{
				group_, events, dataset(DatasetType::Items) != nullptr, dataset(DatasetType::Users) != nullptr, {}, {}};
			picture.events = event_profile(group_, events, copy(DatasetType::Items));
			picture.users = user_profile(group_, events, copy(DatasetType::Users));
			const Sample sample = sample_of(group_, events);
			Findings found;
			judge_events(events, picture.events, repeated_events(group_, events, sample), sample, found);
			judge_ids(events, picture.events, picture.has_items, picture.users, picture.has_users, found);
			judge_context(events, picture.events, found);
			judge_fit(picture, found);
			judge_recipes(picture, datasets_, found);
			found_.insert(found_.end(), found.begin(), found.end());
		});
	}

	void action_events(const Dataset &events) {
		const Sample sample = sample_of(group_, events);
		const Json profile = event_profile(group_, events, copy(DatasetType::Actions));
		judge_events(events, profile, repeated_events(group_, events, sample), sample, found_);
		judge_ids(events, profile, dataset(DatasetType::Actions) != nullptr, {}, false, found_);
		judge_context(events, profile, found_);
	}

	void columns(const Dataset &d) {
		const Sample sample = sample_of(group_, d);
		judge_columns(group_, d, column_profiles(group_, d, sample, Columns::Own), sample, found_);
	}

	const Group &group_;
	std::vector<Dataset> datasets_; // those that can be read
	Findings found_;
};

} // namespace

Findings check(const Group &group) {
	const LargeAggregates settings;
	return Check(group).run();
}

std::vector<Insight> insights(const Group &group) {
	const LargeAggregates settings;
	std::vector<Insight> out;
	for (const DatasetType type : kTypes)
		if (const std::optional<Dataset> dataset = catalog::find_dataset(group, type)) {
			const Sample sample = sample_of(group, *dataset);
			for (ColumnProfile &column : column_profiles(group, *dataset, sample, Columns::All))
				if (!column.role.empty() || column.filled != 0)
					out.push_back({to_string(type), std::move(column), sample.label});
		}
	return out;
}

} // namespace recsys::ops
