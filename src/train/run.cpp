#include "train/run.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include "store/model_store.hpp"
#include "train/data_mark.hpp"
#include "train/preconditions.hpp"
#include "train/tuning.hpp"

#include "pg/settings.hpp"
#include "pg/threads.hpp"

namespace recsys::train {

namespace {

std::int64_t now_us() {
	return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
		.count();
}

// User and system time of the process, threads included.
double cpu_seconds() {
	rusage usage{};
	getrusage(RUSAGE_SELF, &usage);
	const auto seconds = [](const timeval &t) {
		return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
	};
	return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// In UTC, so that the summary does not depend on a session's time zone.
std::string iso_time(std::int64_t micros) {
	const auto seconds = static_cast<std::time_t>(micros / 1000000 - (micros % 1000000 < 0));
	std::tm parts{};
	gmtime_r(&seconds, &parts);
	char text[64];
	return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

Json describe(const data::TrainingSet &set, std::span<const std::int8_t> type_sign) {
	std::vector<std::uint64_t> per_type(set.event_types().size());
	for (const std::uint16_t type : set.type())
		++per_type[type];
	Json types = Json::array();
	for (std::size_t t = 0; t < per_type.size(); ++t) {
		Json type = {{"event_type", nullptr}, {"interactions", per_type[t]}, {"negative", type_sign[t] < 0}};
		if (!set.event_types()[t].empty())
			type["event_type"] = set.event_types()[t];
		types.push_back(std::move(type));
	}
	return {
		{"interactions", set.n_events()}, {"users", set.n_users()}, {"items", set.n_items()}, {"event_types", types}};
}

// What became of each field of the metadata.
Json describe(const data::LearnedFeatures &features) {
	Json fields = Json::array();
	for (const data::EncodedColumn &column : features.encoder.columns()) {
		Json field = {{"field", column.name}, {"kind", data::to_string(column.kind)}, {"filled", std::round(column.filled * 1e4) / 1e4},
					  {"distinct", column.distinct}, {"used", column.unused.empty()}};
		if (!column.unused.empty())
			field["reason"] = column.unused;
		fields.push_back(std::move(field));
	}
	return fields;
}

} // namespace

Run::Run(Spec spec, stats::Progress &progress, std::function<bool()> stop, std::optional<std::int64_t> base)
	: spec_(std::move(spec)), progress_(progress), stop_(std::move(stop)), began_us_(now_us()),
	  cpu_before_(cpu_seconds()), budget_(static_cast<std::size_t>(pg::settings::train_memory_limit) << 20), base_(base),
	  base_model_(BudgetAllocator<std::byte>(&budget_)) {}

void Run::check_stop() const {
	if (stop_())
		throw Cancelled{};
}

void Run::read_base() {
	const store::Revision revision = store::newest_revision(*base_);
	base_model_.resize(revision.layout.total);
	store::read_model(revision, base_model_);
}

void Run::read(const catalog::Group &group) {
	if (base_)
		read_base();
	const auto before_block = [this](const char *phase, std::uint64_t rows) {
		progress_.publish(phase, rows, 0);
		check_stop();
	};
	rows_.emplace(&budget_);
	counts_ = store::read_training_rows(group, spec_.filter, metadata_of(spec_), *rows_, before_block);
	if (spec_.recipe->type == recipe::RecipeType::PersonalizedActions)
		action_rows_.emplace(group, spec_.excluded_columns.value("actions", std::vector<std::string>()),
							 spec_.excluded_columns.value("users", std::vector<std::string>()), &budget_, before_block);
}

void Run::compute() {
	const auto threads = static_cast<std::size_t>(std::max(pg::settings::train_threads, 1));
	const bool limits = pg::settings::service_limits; // threads read no settings
	const auto work = [&](Executor &executor, StopToken stop) {
		monitor_.phase("sorting interactions", rows_->events());
		const data::TrainingSet set = rows_->finish(executor, stop);
		rows_.reset();
		type_sign_ = store::type_signs(set, spec_.filter);
		if (!base_)
			check_rows(spec_, counts_, set, type_sign_);
		if (limits && !base_)
			check_service_limits(spec_, set, type_sign_);
		used_ = describe(set, type_sign_);
		used_["newest_time"] = set.newest_time();
		used_["context_fields"] = describe(set.context_features());
		used_["item_fields"] = describe(set.item_features());
		used_["user_fields"] = describe(set.user_features());
		std::optional<recipe::ActionSet> actions;
		if (action_rows_) {
			actions.emplace(action_rows_->finish(executor, stop));
			used_["actions"] = actions->log.n_items();
			used_["action_interactions"] = actions->log.n_events();
			used_["action_rows_incomplete"] = action_rows_->incomplete();
			action_rows_.reset();
		}
		const recipe::TrainRequest request{set,  spec_.hyperparameters, type_sign_, spec_.seed, executor,
										   stop, monitor_,				budget_,	actions ? &*actions : nullptr};
		if (!base_ && !spec_.tuning.is_null())
			tune(request);
		if (base_)
			result_.emplace(recipe::TrainResult{spec_.recipe->update(artifact::View(base_model_), request), {}, {}});
		else
			result_.emplace(spec_.recipe->train(request));
	};
	pg::compute(threads, work, [this] {
		progress_.publish(monitor_);
		return stop_();
	});
}

// The request goes on with the settings that were found: it refers to the spec's.
void Run::tune(const recipe::TrainRequest &request) {
	const recipe::SearchResult found = recipe::search(request, search_plan(spec_));
	tuning_ = tuning_result(spec_, found);
	spec_.recipe = found.trials[found.best].recipe;
	spec_.hyperparameters = found.trials[found.best].hyperparameters;
}

int Run::save(std::int64_t version_id) {
	progress_.publish("storing the model", 0, result_->model.size());
	return store::save_model(version_id, result_->model);
}

std::string Run::content_hash() const {
	return store::content_hash(result_->model);
}

std::size_t Run::added_items() const {
	if (!base_)
		return 0;
	for (const artifact::Writer::Section &section : result_->model.sections())
		if (section.name == "item.flags") // one byte an item
			return section.bytes.size() - artifact::View(base_model_, false).get<std::uint8_t>("item.flags").size();
	return 0;
}

Json Run::data_mark() const {
	return train::data_mark(counts_);
}

Cost Run::cost() const {
	return {static_cast<double>(now_us() - began_us_) / 1e6, cpu_seconds() - cpu_before_,
			static_cast<std::int64_t>(budget_.peak())};
}

Json Run::metrics() const {
	Json out = Json::array();
	for (const recipe::Metric &metric : result_->metrics)
		out.push_back({{"metric", metric.name}, {"value", metric.value}, {"low", metric.low}, {"high", metric.high}}); // NaN becomes null
	return out;
}

Json Run::members() const {
	if (result_->members.empty())
		return nullptr;
	Json out = Json::array();
	for (const recipe::Member &member : result_->members)
		out.push_back({{"member", member.name}, {"weight", member.weight}, {"ndcg", member.ndcg}});
	return out;
}

Json Run::data_summary() const {
	Json out = used_;
	out["newest_time"] = iso_time(used_.at("newest_time").get<std::int64_t>());
	out["rows_read"] = counts_.interactions;
	out["item_rows_read"] = counts_.items;
	out["user_rows_read"] = counts_.users;
	out["rows_of_other_event_types"] = counts_.other_types;
	out["rows_below_threshold"] = counts_.below_threshold;
	out["rows_without_value"] = counts_.without_value;
	out["rows_incomplete"] = counts_.incomplete;
	out["rows_of_aliases"] = counts_.aliased;
	if (spec_.recipe->capabilities.exploration) {
		out["lists_shown"] = counts_.lists_shown;
		out["unresolved_recommendation_ids"] = counts_.unresolved_answers;
	}
	return out;
}

} // namespace recsys::train
