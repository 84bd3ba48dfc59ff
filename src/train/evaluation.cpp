#include "recipe/backtest.hpp"
#include "train/preconditions.hpp"

#include "train/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include "pg/settings.hpp"
#include "pg/threads.hpp"
#include "stats/progress.hpp"

namespace recsys::train {

namespace {

constexpr const char *kBaseline = "popularity-count";

Spec spec_of(const catalog::FoundVersion &version) {
	static pg::Plan find{"SELECT config FROM recsys_internal.solution_version WHERE id = $1", {INT8OID}};
	Spec spec;
	{
		const pg::AsOwner owner;
		spec = spec_from_json(Json::parse(find.row({pg::int8(version.id)}, pg::Access::Read).value().text(0)));
	}
	spec.tuning = nullptr; // its settings are those that were found
	if (spec.recipe->trends)
		throw Error(sqlstate::FeatureNotSupported,
					"recipe \"" + std::string(spec.recipe->name) + "\" of solution version \"" + version.name + "\" cannot be evaluated at a past moment",
					"It counts the newest events at the request.");
	if (spec.recipe->type == recipe::RecipeType::PersonalizedActions)
		throw Error(sqlstate::FeatureNotSupported,
					"recipe \"" + std::string(spec.recipe->name) + "\" of solution version \"" + version.name + "\" cannot be evaluated at a past moment",
					"It recommends actions; evaluations judge lists of items.");
	return spec;
}

/// A version, or the baseline: what it learns from, and how its model does.
struct Contestant {
	Spec spec;
	std::optional<data::TrainingSetBuilder> rows;
	store::ReadCounts counts;
	std::optional<data::TrainingSet> set;
	std::vector<std::int8_t> type_sign;
	recipe::Backtest result;
};

class Evaluation {
public:
	explicit Evaluation(const EvaluationRequest &request)
		: request_(request), budget_(static_cast<std::size_t>(pg::settings::train_memory_limit) << 20),
		  progress_("evaluation", request.version.group.id, request.version.id, request.version.name) {
		contestants_.emplace_back().spec = spec_of(request.version);
		if (request.compared)
			contestants_.emplace_back().spec = spec_of(*request.compared);
	}

	void read() {
		later_filter_ = contestants_.front().spec.filter;
		later_filter_.from = request_.as_of;
		later_filter_.before = request_.until;
		for (Contestant &one : contestants_) {
			store::EventFilter filter = one.spec.filter;
			filter.before = request_.as_of;
			one.counts = read_rows(filter, metadata_of(one.spec), one.rows);
		}
		read_rows(later_filter_, {}, later_rows_);
	}

	void compute() {
		const auto threads = static_cast<std::size_t>(std::max(pg::settings::train_threads, 1));
		pg::compute(threads, [this](Executor &executor, StopToken stop) { work(executor, stop); },
					[this] {
						progress_.publish(monitor_);
						return progress_.stop_requested();
					});
	}

	void write(pg::ResultTable &out) const;

private:
	store::ReadCounts read_rows(const store::EventFilter &filter, const store::Metadata &metadata,
								std::optional<data::TrainingSetBuilder> &rows) {
		rows.emplace(&budget_);
		return store::read_training_rows(request_.version.group, filter, metadata, *rows, [this](const char *phase, std::uint64_t n) {
			progress_.publish(phase, n, 0);
			if (progress_.stop_requested())
				throw Cancelled{};
		});
	}

	void work(Executor &executor, const StopToken &stop) {
		const data::TrainingSet later_set = later_rows_->finish(executor, stop);
		const std::vector<std::int8_t> later_sign = store::type_signs(later_set, later_filter_);
		const recipe::Aftermath later{later_set, later_sign};
		const std::vector<std::uint32_t> users = recipe::active_users(later, kSeed);
		if (users.empty())
			throw Error(sqlstate::WrongState, "there are no interactions after the moment of evaluation to judge by", {},
						"Choose an earlier \"as_of\", or a longer \"horizon\".");
		for (Contestant &one : contestants_) {
			one.set.emplace(one.rows->finish(executor, stop));
			one.rows.reset();
			one.type_sign = store::type_signs(*one.set, one.spec.filter);
			check_rows(one.spec, one.counts, *one.set, one.type_sign);
			one.result = train_and_ask(*one.spec.recipe, one.spec.hyperparameters, one, later, users, executor, stop);
		}
		// Popularity learns from what the version learns from.
		const recipe::RecipeSpec &popular = require_recipe(kBaseline);
		baseline_ = train_and_ask(popular, parse_hyperparameters(popular, Json::object()), contestants_.front(), later, users, executor, stop);
	}

	recipe::Backtest train_and_ask(const recipe::RecipeSpec &recipe, const recipe::Hyperparameters &hyperparameters, const Contestant &data,
								   const recipe::Aftermath &later, std::span<const std::uint32_t> users, Executor &executor,
								   const StopToken &stop) {
		const recipe::TrainRequest request{*data.set, hyperparameters, data.type_sign, kSeed, executor, stop, monitor_, budget_};
		const Budgeted<std::byte> model = recipe.train(request).model.finish();
		return recipe::backtest(*recipe.open(artifact::View(model)), recipe, request, later, users);
	}

	/// Users whom both could be asked for.
	metrics::Difference difference(const recipe::Backtest &other, std::size_t metric) const {
		const recipe::Backtest &own = contestants_.front().result;
		std::vector<double> a, b;
		for (std::size_t i = 0; i < own.values.size(); ++i)
			if (own.judged[i] != 0 && other.judged[i] != 0) {
				a.push_back(own.values[i][metric]);
				b.push_back(other.values[i][metric]);
			}
		return metrics::paired_difference(a, b);
	}

	const EvaluationRequest &request_;
	MemoryBudget budget_; // outlives everything charged to it
	Monitor monitor_;
	stats::Progress progress_;
	std::deque<Contestant> contestants_; // builders stay where they are: the version, and the one it is compared with
	store::EventFilter later_filter_;
	std::optional<data::TrainingSetBuilder> later_rows_;
	recipe::Backtest baseline_;
};

metrics::Estimate mean(const recipe::Backtest &test, std::size_t metric, std::size_t &users) {
	double sum = 0, squares = 0;
	users = 0;
	for (std::size_t i = 0; i < test.values.size(); ++i)
		if (test.judged[i] != 0) {
			++users;
			sum += test.values[i][metric];
			squares += test.values[i][metric] * test.values[i][metric];
		}
	return metrics::mean_of_share(users, sum, squares);
}

pg::Param number(double value) { return std::isnan(value) ? pg::null() : pg::float8(value); }

void Evaluation::write(pg::ResultTable &out) const {
	const recipe::Backtest &own = contestants_.front().result;
	const recipe::Backtest &other = contestants_.size() > 1 ? contestants_[1].result : baseline_;
	std::size_t users = 0, ignored = 0;
	mean(own, 0, users);
	out.row({pg::text("coverage"), pg::float8(own.coverage), pg::null(), pg::null(), pg::float8(baseline_.coverage), pg::float8(other.coverage),
			 pg::float8(own.coverage - other.coverage), pg::null(), pg::null(), pg::null(), pg::int8(static_cast<std::int64_t>(users))});
	for (std::size_t metric = 0; metric < metrics::kListMetrics; ++metric) {
		const metrics::Estimate value = mean(own, metric, users);
		const metrics::Difference d = difference(other, metric);
		out.row({pg::text(metrics::list_metric_name(metric)), pg::float8(value.value), number(value.low), number(value.high),
				 pg::float8(mean(baseline_, metric, ignored).value), pg::float8(mean(other, metric, ignored).value), number(d.value), number(d.low),
				 number(d.high), number(d.p_value), pg::int8(static_cast<std::int64_t>(users))});
	}
}

} // namespace

void evaluate(const EvaluationRequest &request, pg::ResultTable &out) {
	Evaluation evaluation(request);
	evaluation.read();
	evaluation.compute();
	evaluation.write(out);
}

} // namespace recsys::train
