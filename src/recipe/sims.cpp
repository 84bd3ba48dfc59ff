#include "recipe/sims.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "math/quantile.hpp"
#include "math/top_k.hpp"
#include "recipe/evaluate.hpp"
#include "recipe/popularity.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kPollEvery = 1 << 16;
constexpr std::size_t kUsersPerTask = 2048;
constexpr const char *kLogits = "popularity.logit", *kOffsets = "neighbor.offsets", *kItems = "neighbor.item",
					 *kSimilarity = "neighbor.similarity";

/// Histories × items: the different items of each user, or of each basket, at most the newest kMaxHistory, inside both
/// windows, ascending.
class HistoryMatrix {
public:
	HistoryMatrix(const TrainRequest &request, const SimsOptions &options, std::span<const std::uint8_t> sides)
		: request_(request), baskets_(options.baskets), sides_(sides) {
		number_histories();
		sizes_ = zeros<std::uint32_t>(first_.back());
		counts_ = zeros<std::uint32_t>(request.data.n_items());
		over_histories(request.data.n_items(), [&](std::size_t history, const std::vector<std::uint32_t> &items) {
			sizes_[history] = static_cast<std::uint32_t>(items.size());
			for (const std::uint32_t item : items)
				std::atomic_ref(counts_[item]).fetch_add(1, std::memory_order_relaxed);
		});
		size_window_ =
			math::percentile_window(sizes_, options.min_user_percentile, options.max_user_percentile, request.stop);
		count_window_ =
			math::percentile_window(counts_, options.min_item_percentile, options.max_item_percentile, request.stop);
	}

	math::Csr matrix() {
		math::Csr out;
		out.n_columns = request_.data.n_items();
		out.offsets = zeros<std::uint64_t>(first_.back() + 1);
		over_histories(kMaxHistory, [&](std::size_t history, std::vector<std::uint32_t> &items) {
			keep_inside(history, items);
			out.offsets[history + 1] = items.size();
		});
		std::partial_sum(out.offsets.begin(), out.offsets.end(), out.offsets.begin());
		out.index = zeros<std::uint32_t>(out.offsets.back());
		over_histories(kMaxHistory, [&](std::size_t history, std::vector<std::uint32_t> &items) {
			keep_inside(history, items);
			std::copy(items.begin(), items.end(), out.index.data() + out.offsets[history]);
		});
		return out;
	}

private:
	struct Chosen {
		std::uint32_t session, item;
	};
	using Choices = std::vector<Chosen>; // of one user, positive, newest first

	template <class T> Budgeted<T> zeros(std::size_t n) const { return Budgeted<T>(n, 0, BudgetAllocator<T>(&request_.budget)); }

	/// first_[u]: the number of u's first history. Users have one each; baskets are counted.
	void number_histories() {
		first_ = zeros<std::uint64_t>(request_.data.n_users() + 1);
		if (baskets_)
			over_users([&](std::uint32_t user, Choices &choices, std::vector<std::uint32_t> &items) {
				first_[user + 1] = each_basket(choices, items, 2, [](std::size_t) {});
			});
		else
			std::fill(first_.begin() + 1, first_.end(), 1);
		std::partial_sum(first_.begin(), first_.end(), first_.begin());
	}

	/// body(number of the history, its items): at most the newest `limit` different ones, ascending.
	template <class Body> void over_histories(std::size_t limit, Body body) {
		over_users([&](std::uint32_t user, Choices &choices, std::vector<std::uint32_t> &items) {
			const std::size_t first = first_[user];
			if (baskets_)
				each_basket(choices, items, limit, [&](std::size_t basket) { body(first + basket, items); });
			else {
				items.clear();
				for (const Chosen &c : choices)
					items.push_back(c.item);
				keep_different(items, limit);
				body(first, items);
			}
		});
	}

	/// body(basket) for each basket of at least two different items, which `items` then holds; returns how many there are.
	template <class Body>
	static std::size_t each_basket(Choices &choices, std::vector<std::uint32_t> &items, std::size_t limit, Body body) {
		std::stable_sort(choices.begin(), choices.end(), [](const Chosen &a, const Chosen &b) { return a.session < b.session; });
		std::size_t baskets = 0;
		for (std::size_t begin = 0, end = 0; begin < choices.size(); begin = end) {
			items.clear();
			for (; end < choices.size() && choices[end].session == choices[begin].session; ++end)
				items.push_back(choices[end].item);
			keep_different(items, limit);
			if (items.size() >= 2)
				body(baskets++);
		}
		return baskets;
	}

	template <class Body> void over_users(Body body) {
		const data::TrainingSet &set = request_.data;
		const std::size_t n = set.n_users();
		request_.executor.run((n + kUsersPerTask - 1) / kUsersPerTask, [&](std::size_t task) {
			std::vector<std::uint32_t> items;
			Choices choices;
			request_.stop.check();
			std::size_t since_poll = 0;
			for (std::size_t u = task * kUsersPerTask; u < std::min(n, (task + 1) * kUsersPerTask); ++u) {
				const auto user = static_cast<std::uint32_t>(u);
				choices.clear();
				if (sides_.empty() || sides_[user] == static_cast<std::uint8_t>(Side::Training))
					for (std::size_t event = set.user_begin(user + 1); event-- > set.user_begin(user);)
						if (is_positive(request_, event))
							choices.push_back({set.session()[event], set.item()[event]});
				body(user, choices, items);
				if ((since_poll += choices.size()) >= kPollEvery) {
					request_.stop.check();
					since_poll = 0;
				}
			}
		});
	}

	/// `items`, newest first and with repetitions, becomes its newest `limit` different ones, ascending.
	static void keep_different(std::vector<std::uint32_t> &items, std::size_t limit) {
		if (items.size() > limit)
			keep_newest(items, limit);
		std::sort(items.begin(), items.end());
		items.erase(std::unique(items.begin(), items.end()), items.end());
	}

	static void keep_newest(std::vector<std::uint32_t> &items, std::size_t limit) {
		std::vector<std::pair<std::uint32_t, std::uint32_t>> first; // item, position of its newest event
		for (std::uint32_t i = 0; i < items.size(); ++i)
			first.emplace_back(items[i], i);
		std::sort(first.begin(), first.end());
		first.erase(
			std::unique(first.begin(), first.end(), [](const auto &a, const auto &b) { return a.first == b.first; }),
			first.end());
		std::sort(first.begin(), first.end(), [](const auto &a, const auto &b) { return a.second < b.second; });
		items.clear();
		for (std::size_t i = 0; i < std::min(limit, first.size()); ++i)
			items.push_back(first[i].first);
	}

	void keep_inside(std::size_t history, std::vector<std::uint32_t> &items) const {
		if (!size_window_.holds(sizes_[history]))
			items.clear();
		std::erase_if(items, [&](std::uint32_t item) { return !count_window_.holds(counts_[item]); });
	}

	const TrainRequest &request_;
	bool baskets_;
	std::span<const std::uint8_t> sides_;
	Budgeted<std::uint64_t> first_;
	Budgeted<std::uint32_t> sizes_, counts_; // items of a history, histories of an item
	math::Window size_window_, count_window_;
};

SimsOptions options_of(const Hyperparameters &h, bool baskets) {
	return {h["popularity_discount_factor"],
			static_cast<std::uint32_t>(h["min_cointeraction_count"]),
			h["min_user_history_length_percentile"],
			h["max_user_history_length_percentile"],
			h["min_item_interaction_count_percentile"],
			h["max_item_interaction_count_percentile"],
			kNeighbors,
			baskets};
}

artifact::Writer write_model(const TrainRequest &request, std::span<const std::uint8_t> sides,
							 std::span<const std::uint8_t> wanted, bool baskets) {
	artifact::Writer writer("sims", &request.budget);
	add_common_sections(writer, request);
	CountedHistories counted =
		write_neighbors(request, sides, find_neighbors(request, options_of(request.hyperparameters, baskets), sides, wanted), writer);
	write_pairs(std::move(counted), &request.budget, request.stop, writer);
	return writer;
}

class SimsScorer final : public Scorer {
public:
	explicit SimsScorer(const artifact::View &view)
		: logits_(view.get<float>(kLogits)), offsets_(view.get<std::uint64_t>(kOffsets, logits_.size() + 1)),
		  items_(view.get<std::uint32_t>(kItems)), similarity_(view.get<float>(kSimilarity, items_.size())),
		  highest_(logits_.empty() ? 0.0f : *std::max_element(logits_.begin(), logits_.end())),
		  log_normalizer_(log_sum_exp(logits_)) {
		if (CountedPairs::present(view))
			pairs_.emplace(view, logits_.size());
	}
	std::size_t n_items() const noexcept override { return logits_.size(); }
	std::size_t max_history() const noexcept override { return 0; }

	void score(const Query &query, Scores &out) const override {
		out.logit.assign(logits_.begin(), logits_.end());
		out.reason.assign(logits_.size(), Reason::Popular);
		out.log_normalizer = log_normalizer_;
		if (query.item >= n_items())
			return;
		const auto [begin, end] = row(query.item);
		place(query.item, end - begin, [&, first = begin](std::size_t i) {
			return math::Scored{items_[first + i], similarity_[first + i]};
		}, out);
		out.logit[query.item] = kNever;
	}

	bool extend(const Query &query, Scores &out) const override {
		if (query.item >= n_items() || !pairs_)
			return false;
		const auto [begin, end] = row(query.item);
		if (end - begin < kNeighbors)
			return false;
		std::vector<math::Scored> all;
		pairs_->neighbours(query.item, all);
		place(query.item, all.size(), [&](std::size_t i) { return all[i]; }, out);
		return true;
	}

private:
	static constexpr float kNever = -std::numeric_limits<float>::infinity();

	// Rows are checked when they are read: checking all of them at every opening would cost more than all requests.
	std::pair<std::size_t, std::size_t> row(std::uint32_t item) const {
		const std::size_t begin = offsets_[item], end = offsets_[item + 1];
		if (begin > end || end > items_.size())
			artifact::View::fail(kOffsets, "points outside the neighbours");
		return {begin, end};
	}

	/// Lifts `n` neighbours, best first, above everything else, but for what is ruled out already.
	template <class Neighbour> void place(std::uint32_t of, std::size_t n, Neighbour neighbour, Scores &out) const {
		double sum = std::exp(log_normalizer_ - highest_) - weight(of);
		float last = std::numeric_limits<float>::infinity(), last_similarity = last;
		const float lift = highest_ + 1.0f - log_of(n == 0 ? 1.0f : neighbour(n - 1).score);
		for (std::size_t i = 0; i < n; ++i) {
			const auto [item, similarity] = neighbour(i);
			if (item >= n_items())
				artifact::View::fail(kItems, "names an item that is not there");
			// Different similarities stay different where single precision would merge their logarithms.
			float logit = log_of(similarity) + lift;
			if (i > 0)
				logit = similarity < last_similarity ? std::min(logit, std::nextafter(last, 0.0f)) : last;
			last = logit;
			last_similarity = similarity;
			if (out.logit[item] > kNever)
				out.logit[item] = logit;
			out.reason[item] = Reason::Similar;
			sum += std::exp(static_cast<double>(logit) - highest_) - weight(item);
		}
		out.log_normalizer = sum > 0 ? highest_ + std::log(sum) : 0.0;
	}

	double weight(std::uint32_t item) const noexcept {
		return std::exp(static_cast<double>(logits_[item]) - static_cast<double>(highest_));
	}
	static float log_of(float similarity) noexcept {
		return static_cast<float>(std::log(static_cast<double>(similarity)));
	}

	std::span<const float> logits_;
	std::span<const std::uint64_t> offsets_;
	std::span<const std::uint32_t> items_;
	std::span<const float> similarity_;
	std::optional<CountedPairs> pairs_; // similar-items keeps none
	float highest_;
	double log_normalizer_;
};

} // namespace

CountedHistories write_neighbors(const TrainRequest &request, std::span<const std::uint8_t> sides, Neighbors neighbors,
								 artifact::Writer &writer) {
	writer.add<float>(kLogits, popularity_logits(count_positive(request, sides), &request.budget, request.stop));
	writer.add<std::uint64_t>(kOffsets, neighbors.offsets);
	writer.add<std::uint32_t>(kItems, neighbors.item);
	writer.add<float>(kSimilarity, neighbors.similarity);
	return std::move(neighbors.counted);
}

Neighbors find_neighbors(const TrainRequest &request, const SimsOptions &options, std::span<const std::uint8_t> sides,
						 std::span<const std::uint8_t> wanted) {
	MemoryBudget *budget = &request.budget;
	const std::size_t n = request.data.n_items();
	Neighbors out;
	out.counted.histories = HistoryMatrix(request, options, sides).matrix();
	const math::Csr by_item = math::transpose(out.counted.histories, budget, request.stop);
	const Budgeted<std::uint64_t> costs = math::cooccurrence_costs(out.counted.histories, by_item, wanted, budget, request.stop);
	out.counted.discount = Budgeted<double>(n, 0.0, BudgetAllocator<double>(budget));
	// Room for as many neighbours as a row can have; the rows are closed up when their lengths are known.
	Budgeted<std::uint64_t> room(n + 1, 0, BudgetAllocator<std::uint64_t>(budget));
	for (std::size_t b = 0; b < n; ++b) {
		if (by_item.row_size(b) > 0)
			out.counted.discount[b] = std::pow(static_cast<double>(by_item.row_size(b)), -options.popularity_discount_factor);
		room[b + 1] = room[b] + std::min<std::uint64_t>({options.n_neighbors, costs[b], n - 1});
	}
	out.offsets = Budgeted<std::uint64_t>(n + 1, 0, BudgetAllocator<std::uint64_t>(budget));
	out.item = Budgeted<std::uint32_t>(room[n], 0, BudgetAllocator<std::uint32_t>(budget));
	out.similarity = Budgeted<float>(room[n], 0.0f, BudgetAllocator<float>(budget));
	out.counted.least = std::max(1u, options.min_cointeraction_count);
	request.monitor.phase("counting pairs", n);
	math::for_each_cooccurrence(
		out.counted.histories, by_item, costs, request.executor, budget, request.stop,
		[&](std::uint32_t a, const math::Cooccurrence &with) {
			math::TopK best;
			best.reset(options.n_neighbors);
			for (const std::uint32_t b : with.touched)
				if (with.count[b] >= out.counted.least && b != a)
					best.push({b, similarity_of(with.count[b], out.counted.discount[b])});
			std::size_t to = room[a];
			for (const math::Scored &neighbor : best.sorted()) {
				out.item[to] = neighbor.item;
				out.similarity[to++] = neighbor.score;
			}
			out.offsets[a + 1] = to - room[a];
			request.monitor.advance();
		});
	for (std::size_t a = 0; a < n; ++a) {
		const auto size = static_cast<std::ptrdiff_t>(out.offsets[a + 1]);
		out.offsets[a + 1] += out.offsets[a];
		std::copy_n(out.item.data() + room[a], size, out.item.data() + out.offsets[a]);
		std::copy_n(out.similarity.data() + room[a], size, out.similarity.data() + out.offsets[a]);
	}
	out.item.resize(out.offsets[n]);
	out.similarity.resize(out.offsets[n]);
	return out;
}

namespace {

TrainResult train(const TrainRequest &request, bool baskets) {
	const std::vector<std::uint8_t> sides = data::split_users(request.data, kHeldOutShare, request.seed);
	std::vector<Metric> metrics;
	{
		// Only the rows that will be asked for are counted: the measurement costs a fraction of the training.
		const std::vector<std::uint8_t> wanted = queried_items(request, sides, Side::Metrics);
		const Budgeted<std::byte> bytes = write_model(request, sides, wanted, baskets).finish();
		const artifact::View view(bytes);
		metrics = evaluate(SimsScorer(view), request, sides, Side::Metrics, EvaluationQuery::NewestItem);
	}
	return {write_model(request, {}, {}, baskets), std::move(metrics), {}};
}

} // namespace

TrainResult train_sims(const TrainRequest &request) { return train(request, false); }
TrainResult train_frequently_bought_together(const TrainRequest &request) { return train(request, true); }

std::unique_ptr<Scorer> open_sims(const artifact::View &view) {
	return std::make_unique<SimsScorer>(view);
}

} // namespace recsys::recipe
