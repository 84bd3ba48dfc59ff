#include "recipe/next_best_action.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "base/hash.hpp"
#include "base/rng.hpp"
#include "metrics/ranking_metrics.hpp"
#include "recipe/action_examples.hpp"
#include "recipe/evaluate.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kMaxExamples = 300000; // more change the probabilities by less than their error
constexpr std::size_t kStateItems = 32, kStateTypes = 8, kFrequentActions = 24;
constexpr std::size_t kTask = 1024; // examples
constexpr std::size_t kShown = 5;	// results that a request gives unless told otherwise: precision and recall are of these
constexpr std::uint64_t kPartStream = 0x70617274;

/// Ordinals with the highest counts, in ascending order (of their bytes); none without a count.
std::vector<std::uint32_t> most_frequent(const std::vector<std::uint64_t> &count, std::size_t limit) {
	std::vector<std::uint32_t> order;
	for (std::uint32_t i = 0; i < count.size(); ++i)
		if (count[i] != 0)
			order.push_back(i);
	std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
		return count[a] != count[b] ? count[a] > count[b] : a < b;
	});
	order.resize(std::min(order.size(), limit));
	std::sort(order.begin(), order.end());
	return order;
}

template <class Index> std::vector<std::uint64_t> count_of(std::span<const Index> column, std::size_t n) {
	std::vector<std::uint64_t> count(n, 0);
	for (const Index i : column)
		++count[i];
	return count;
}

std::vector<std::uint32_t> places_of(const std::vector<std::uint32_t> &chosen, std::size_t n) {
	std::vector<std::uint32_t> place(n, data::kNone);
	for (std::uint32_t i = 0; i < chosen.size(); ++i)
		place[chosen[i]] = i;
	return place;
}

std::vector<ColumnKind> kinds_of(const AttributeEncoder &encoder) {
	std::vector<ColumnKind> kinds;
	for (const AttributeColumn &column : encoder.columns())
		kinds.push_back(column.categorical ? ColumnKind::Categorical : ColumnKind::Numeric);
	return kinds;
}

/// Row of `table` for each id of `ids`; data::kNone where it has none.
std::vector<std::uint32_t> rows_of(const AttributeTable &table, const data::IdDictionary &ids) {
	std::vector<std::uint32_t> row(ids.size(), data::kNone);
	for (std::uint32_t r = 0; r < table.size(); ++r)
		if (const std::uint32_t id = ids.find(table.id(r)); id != data::kNone)
			row[id] = r;
	return row;
}

class Training {
public:
	explicit Training(const TrainRequest &request)
		: request_(request), set_(request.data), actions_(*request.actions), log_(actions_.log), responses_(responses_of(log_)),
		  scored_(scored_actions(log_)), period_days_(request.hyperparameters["action_optimization_period"]),
		  items_(most_frequent(count_of(set_.item(), set_.n_items()), kStateItems)),
		  types_(most_frequent(count_of(set_.type(), set_.event_types().size()), kStateTypes)),
		  item_place_(places_of(items_, set_.n_items())), type_place_(places_of(types_, set_.event_types().size())),
		  user_row_(rows_of(actions_.users, log_.users())), visitor_row_(rows_of(actions_.users, set_.users())),
		  sides_(data::split_users(log_, kHeldOutShare, request.seed)) {
		make_shape();
	}

	TrainResult run() {
		artifact::Writer writer("next-best-action", &request_.budget);
		TrainRequest of_actions{log_, request_.hyperparameters, {}, request_.seed, request_.executor, request_.stop, request_.monitor,
								request_.budget};
		add_common_sections(writer, of_actions);
		write_strings(writer, "state.item", items_, [&](std::uint32_t i) { return set_.items()[i]; });
		write_strings(writer, "state.type", types_, [&](std::uint32_t t) { return std::string_view(set_.event_types()[t]); });
		actions_.user_encoder.write(writer, "user");
		writer.add<std::uint8_t>("action.scored", scored_);
		const std::int64_t newest = log_.n_events() == 0   ? set_.newest_time()
									: set_.n_events() == 0 ? log_.newest_time()
														   : std::max(set_.newest_time(), log_.newest_time());
		const std::int64_t times[] = {newest, static_cast<std::int64_t>(period_days_ * kMicrosPerDay)};
		writer.add<std::int64_t>("times", times);
		if (std::find(scored_.begin(), scored_.end(), 1) == scored_.end())
			return {std::move(writer), {}, {}}; // all actions wait for answers
		shape_.write(writer);
		fit(writer);
		return {std::move(writer), std::move(metrics_), {}};
	}

private:
	template <class Text>
	static void write_strings(artifact::Writer &writer, const std::string &name, const std::vector<std::uint32_t> &chosen, Text &&text) {
		std::vector<std::uint64_t> offsets{0};
		std::string bytes;
		for (const std::uint32_t i : chosen) {
			bytes += text(i);
			offsets.push_back(bytes.size());
		}
		writer.add<std::uint64_t>(name + ".offsets", offsets);
		writer.add<char>(name + ".bytes", bytes);
	}

	void make_shape() {
		const std::vector<std::uint64_t> count = count_of(log_.item(), log_.n_items());
		std::vector<std::uint32_t> order(count.size());
		std::iota(order.begin(), order.end(), 0u);
		std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
			return count[a] != count[b] ? count[a] > count[b] : a < b;
		});
		shape_.action_code.resize(count.size());
		for (std::size_t i = 0; i < order.size(); ++i)
			shape_.action_code[order[i]] = static_cast<float>(i);
		shape_.frequent_actions = most_frequent(count, kFrequentActions);
		shape_.action_kinds = kinds_of(actions_.action_encoder);
		shape_.user_kinds = kinds_of(actions_.user_encoder);
		shape_.n_items = static_cast<std::uint32_t>(items_.size());
		shape_.n_types = static_cast<std::uint32_t>(types_.size());
		const std::vector<std::uint32_t> row = rows_of(actions_.actions, log_.items());
		for (std::uint32_t action = 0; action < log_.n_items(); ++action) {
			if (row[action] == data::kNone) {
				shape_.action_attributes.resize(shape_.action_attributes.size() + shape_.action_kinds.size(),
												std::numeric_limits<float>::quiet_NaN());
				continue;
			}
			const std::span<const float> values = actions_.actions.values(row[action]);
			shape_.action_attributes.insert(shape_.action_attributes.end(), values.begin(), values.end());
		}
	}

	/// A user's state just before a moment.
	struct Past {
		std::vector<ItemEvent> events;
		std::vector<ActionResponse> responses;
		std::span<const float> attributes;
		UserState view() const { return {events, responses, attributes}; }
	};

	void look(std::uint32_t user, std::uint32_t visitor, std::int64_t time, Past &past) const {
		past.events.clear();
		past.responses.clear();
		past.attributes = {};
		if (visitor != data::kNone) {
			const auto [begin, end] = before(set_, visitor, time);
			for (std::size_t e = end - std::min(end - begin, kMaxEvents); e < end; ++e)
				past.events.push_back({item_place_[set_.item()[e]], type_place_[set_.type()[e]], set_.time()[e]});
			if (visitor_row_[visitor] != data::kNone)
				past.attributes = actions_.users.values(visitor_row_[visitor]);
		}
		if (user != data::kNone) {
			const auto [begin, end] = before(log_, user, time);
			for (std::size_t e = end; e > begin && past.responses.size() < kMaxResponses; --e)
				if (const auto response = responses_[log_.type()[e - 1]])
					past.responses.push_back({log_.item()[e - 1], *response, log_.time()[e - 1]});
			std::reverse(past.responses.begin(), past.responses.end());
			if (user_row_[user] != data::kNone)
				past.attributes = actions_.users.values(user_row_[user]);
		}
	}

	static std::pair<std::size_t, std::size_t> before(const data::TrainingSet &set, std::uint32_t user, std::int64_t time) {
		const auto first = set.time().begin();
		const auto begin = static_cast<std::ptrdiff_t>(set.user_begin(user)), end = static_cast<std::ptrdiff_t>(set.user_begin(user + 1));
		return {set.user_begin(user), static_cast<std::size_t>(std::lower_bound(first + begin, first + end, time) - first)};
	}

	std::vector<ActionExample> examples() const {
		request_.monitor.phase("collecting prompts", 0);
		return request_.hyperparameters["prompted"] != 0 ? prompted_examples(request_, period_days_, kMaxExamples)
														 : unprompted_examples(request_, scored_, period_days_, kMaxExamples);
	}

	ExampleTable features(const std::vector<ActionExample> &examples) const {
		ExampleTable table(shape_.kinds(), examples.size(), &request_.budget);
		request_.monitor.phase("looking at users' states", examples.size());
		request_.executor.run((examples.size() + kTask - 1) / kTask, [&](std::size_t task) {
			std::vector<float> row(shape_.n_features());
			Past past;
			for (std::size_t i = task * kTask; i < std::min(examples.size(), (task + 1) * kTask); ++i) {
				request_.stop.check();
				const ActionExample &example = examples[i];
				look(example.user, example.visitor, example.time, past);
				shape_.fill_user(past.view(), example.time, row);
				shape_.fill_action(past.view(), example.time, example.action, static_cast<double>(example.follow_up), row);
				for (std::size_t f = 0; f < row.size(); ++f)
					table.column(f)[i] = row[f];
				request_.monitor.advance();
			}
		});
		return table;
	}

	bool held_out(const ActionExample &example) const {
		return example.user != data::kNone && sides_[example.user] != static_cast<std::uint8_t>(Side::Training);
	}
	/// All examples of one user are in one part.
	std::uint8_t part_of(const ActionExample &example) const {
		const std::string_view id = example.user != data::kNone ? log_.users()[example.user] : set_.users()[example.visitor];
		return static_cast<std::uint8_t>(mix64(hash64(id, request_.seed ^ kPartStream)) % kFolds);
	}

	void fit(artifact::Writer &writer) {
		const std::vector<ActionExample> all = examples();
		const ExampleTable table = features(all);
		const FeatureBins bins(table, request_.executor, request_.stop);
		const BinnedTable binned(table, bins, request_.executor, request_.stop, &request_.budget);
		std::vector<std::uint8_t> label, part, judged_part;
		for (const ActionExample &example : all) {
			label.push_back(example.taken);
			part.push_back(part_of(example));
			judged_part.push_back(held_out(example) ? kNoPart : part.back());
		}
		const auto train = [&](std::span<const std::uint8_t> parts, std::uint32_t leaves) {
			return fit_propensity(binned, bins, label, parts, leaves, request_.seed, request_.executor, request_.stop,
								  request_.monitor);
		};
		const FittedPropensity judged = train(judged_part, 0);
		judge(all, judged, bins);
		bins.write(writer);
		train(part, judged.max_leaves).model.write(writer);
	}

	/// By users whom the model that is judged has not seen.
	void judge(const std::vector<ActionExample> &all, const FittedPropensity &judged, const FeatureBins &bins) {
		std::vector<double> probability;
		std::vector<std::uint8_t> label;
		std::vector<std::uint32_t> newest(log_.n_users(), data::kNone); // example of each held-out user
		for (std::uint32_t i = 0; i < all.size(); ++i) {
			if (!held_out(all[i]))
				continue;
			probability.push_back(judged.left_out[i]);
			label.push_back(all[i].taken);
			std::uint32_t &mine = newest[all[i].user];
			if (mine == data::kNone || all[mine].time < all[i].time)
				mine = i;
		}
		judge_lists(all, newest, judged.model, bins);
		const auto add = [&](const char *name, double value) {
			if (!std::isnan(value))
				metrics_.push_back({name, value});
		};
		add("area_under_curve", metrics::area_under_curve(probability, label));
		add("log_loss", metrics::log_loss(probability, label));
		add("calibration_error", metrics::expected_calibration_error(probability, label));
	}

	/// The actions that a user took within the period from a moment on.
	std::vector<std::uint32_t> taken_after(std::uint32_t user, std::int64_t time) const {
		std::vector<std::uint32_t> taken;
		for (std::size_t e = log_.user_begin(user); e < log_.user_begin(user + 1); ++e)
			if (responses_[log_.type()[e]] == Response::Taken && scored_[log_.item()[e]] != 0 && log_.time()[e] >= time &&
				(static_cast<double>(log_.time()[e]) - static_cast<double>(time)) / kMicrosPerDay <= period_days_)
				taken.push_back(log_.item()[e]);
		std::sort(taken.begin(), taken.end());
		taken.erase(std::unique(taken.begin(), taken.end()), taken.end());
		return taken;
	}

	/// All actions by probability for `user` at `time`.
	std::vector<std::uint32_t> ranked(const ActionExample &at, const Propensity &model, const FeatureBins &bins) const {
		Past past;
		look(at.user, at.visitor, at.time, past);
		std::vector<float> row(shape_.n_features());
		std::vector<std::uint8_t> binned(row.size());
		std::vector<double> probability(scored_.size());
		std::vector<std::uint32_t> order;
		shape_.fill_user(past.view(), at.time, row);
		for (std::uint32_t action = 0; action < scored_.size(); ++action) {
			if (scored_[action] == 0)
				continue;
			shape_.fill_action(past.view(), at.time, action, period_days_, row);
			for (std::size_t f = 0; f < row.size(); ++f)
				binned[f] = bins.bin(f, row[f]);
			probability[action] = model.probability(binned);
			order.push_back(action);
		}
		std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return probability[a] > probability[b]; });
		return order;
	}

	void judge_lists(const std::vector<ActionExample> &all, const std::vector<std::uint32_t> &newest, const Propensity &model,
					 const FeatureBins &bins) {
		std::vector<std::uint32_t> users;
		for (std::uint32_t user = 0; user < newest.size() && users.size() < kMaxEvaluated; ++user)
			if (newest[user] != data::kNone)
				users.push_back(user);
		std::vector<std::vector<std::uint32_t>> lists(users.size());
		request_.monitor.phase("evaluating", users.size());
		request_.executor.run(users.size(), [&](std::size_t i) {
			request_.stop.check();
			lists[i] = ranked(all[newest[users[i]]], model, bins);
			request_.monitor.advance();
		});
		metrics::RankingMetrics sum(log_.n_items());
		std::vector<double> shown(scored_.size(), 0), right(scored_.size(), 0), took(scored_.size(), 0);
		for (std::size_t i = 0; i < users.size(); ++i) {
			const std::vector<std::uint32_t> truth = taken_after(users[i], all[newest[users[i]]].time);
			if (!truth.empty())
				sum.add(lists[i], truth);
			for (std::size_t rank = 0; rank < std::min(kShown, lists[i].size()); ++rank) {
				++shown[lists[i][rank]];
				right[lists[i][rank]] += std::binary_search(truth.begin(), truth.end(), lists[i][rank]) ? 1.0 : 0.0;
			}
			for (const std::uint32_t action : truth)
				++took[action];
		}
		if (sum.users() == 0)
			return;
		const auto mean = [&](const std::vector<double> &divisor) {
			double total = 0, n = 0;
			for (std::size_t action = 0; action < divisor.size(); ++action)
				if (divisor[action] > 0) {
					total += right[action] / divisor[action];
					++n;
				}
			return n == 0 ? 0 : total / n;
		};
		metrics_ = {{"coverage", sum.coverage()},
					{"normalized_discounted_cumulative_gain_at_5", sum.ndcg_at(5)},
					{"normalized_discounted_cumulative_gain_at_10", sum.ndcg_at(10)},
					{"normalized_discounted_cumulative_gain_at_25", sum.ndcg_at(25)},
					{"precision", mean(shown)},
					{"recall", mean(took)}};
	}

	const TrainRequest &request_;
	const data::TrainingSet &set_;
	const ActionSet &actions_;
	const data::TrainingSet &log_;
	const std::vector<std::optional<Response>> responses_; // of the log's event types
	const std::vector<std::uint8_t> scored_;
	const double period_days_;
	const std::vector<std::uint32_t> items_, types_, item_place_, type_place_, user_row_, visitor_row_;
	const std::vector<std::uint8_t> sides_; // of the log's users
	ActionShape shape_;
	std::vector<Metric> metrics_;
};

} // namespace

std::vector<HyperparameterSpec> next_best_action_hyperparameters() {
	return {{"action_optimization_period", ParameterKind::Integer, 14, 7, 28, false,
			 "Days within which the action must be taken: what the score is the probability of."},
			{"prompted", ParameterKind::Boolean, 1, 0, 1, false,
			 "Whether the score is the probability for a user who is shown the action. False: for any user, shown or not, "
			 "which tells who will act without being asked."}};
}

TrainResult train_next_best_action(const TrainRequest &request) {
	if (request.actions == nullptr || request.actions->log.n_items() == 0)
		throw Error(sqlstate::WrongState, "dataset has no actions", {}, "Insert rows into the group's actions, or send them with recsys.put_actions.");
	return Training(request).run();
}

} // namespace recsys::recipe
