#include "recipe/similar_items.hpp"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>

#include "base/hash.hpp"
#include "base/rng.hpp"
#include "math/kernels.hpp"
#include "math/sum_exp.hpp"
#include "math/top_k.hpp"
#include "recipe/companion_choice.hpp"
#include "recipe/evaluate.hpp"
#include "recipe/neighbours.hpp"
#include "recipe/sims.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kCases = 2400;		 // of each kind, to choose weights by
constexpr double kTakenShare = 0.25;		 // of the items are taken for new meanwhile
constexpr std::size_t kMostAsked = 20'000'000; // logits of the cases that choose k
constexpr std::uint64_t kTakenStream = 0x74616b65;
constexpr NeighbourSettings kCounting{.window = 10,
									  .distance_power = 0.7f,
									  .backward = 0.2f,
									  .user_power = 0.3f,
									  .from_power = 0,
									  .to_power = 0,
									  .smoothing = 0,
									  .neighbours = 500,
									  .age_power = 0,
									  .max_history = 0};

/// c(a, b), by rows.
class Counts {
public:
	Counts(const TrainRequest &request, std::span<const std::uint8_t> sides) {
		const Sequences sequences(request, sides);
		request.monitor.phase("counting pairs", sequences.n_items());
		counts_ = count_neighbours(request, sequences, kCounting);
		double all = 0;
		for (std::size_t part = 0; part < counts_.parts.size(); ++part) {
			const Neighbour *n = counts_.parts[part].data();
			for (const std::uint32_t size : counts_.sizes[part]) {
				rows_.emplace_back(n, size);
				n += size;
			}
		}
		for (const std::span<const Neighbour> row : rows_)
			all += sum(row);
		scale_ = all > 0 ? static_cast<double>(sequences.n_events()) / all : 1.0;
	}
	std::span<const Neighbour> row(std::size_t item) const noexcept { return rows_[item]; }
	double count(const Neighbour &n) const noexcept { return scale_ * static_cast<double>(n.weight); }
	double total(std::size_t item) const noexcept { return scale_ * sum(rows_[item]); }

private:
	static double sum(std::span<const Neighbour> row) noexcept {
		double sum = 0;
		for (const Neighbour &n : row)
			sum += static_cast<double>(n.weight);
		return sum;
	}
	NeighbourCounts counts_;
	std::vector<std::span<const Neighbour>> rows_;
	double scale_ = 1;
};

/// The choice by where items stand, for many items at once: their vectors with the weights multiplied in, so that a logit is one
/// dot product.
class Prior {
public:
	Prior(const TrainRequest &request, const ItemSpace &space, const math::Matrix &metadata, const CompanionWeights &weights)
		: request_(request), space_(space), n_(space.log_share.size()), stride_(math::padded(n_)), weights_(weights) {
		const std::size_t r = space.behaviour.columns, m = metadata.columns, d = r + m + 1;
		from_ = math::Matrix(n_, d, &request.budget);
		to_ = math::Matrix(d, stride_, &request.budget);
		SparsePoll poll(request.stop, 1 << 12);
		for (std::size_t item = 0; item < n_; ++item, poll()) {
			for (std::size_t c = 0; c < r; ++c) {
				from_.row(item)[c] = weights.behaviour * space.sign[c] * space.behaviour.row(item)[c];
				to_.row(c)[item] = space.behaviour.row(item)[c];
			}
			for (std::size_t c = 0; c < m; ++c) {
				from_.row(item)[r + c] = weights.metadata * metadata.row(item)[c];
				to_.row(r + c)[item] = metadata.row(item)[c];
			}
			from_.row(item)[r + m] = weights.share;
			to_.row(r + m)[item] = space.log_share[item];
		}
	}
	std::size_t n_items() const noexcept { return n_; }
	/// Of b to all: what it has by its share alone.
	float by_share(std::size_t item) const noexcept { return weights_.share * space_.log_share[item]; }
	/// visit(task, place in `items`, logits): the logits of all items for each of `items`; visits of one task come in order.
	std::size_t block() const noexcept { return std::clamp<std::size_t>((1 << 22) / std::max<std::size_t>(stride_, 1), 4, 64); }
	std::size_t n_tasks(std::size_t n) const noexcept { return (n + block() - 1) / block(); }
	template <class Visit> void each(std::span<const std::uint32_t> items, Visit visit) const {
		const std::size_t d = from_.columns, rows = block();
		request_.executor.run(n_tasks(items.size()), [&](std::size_t task) {
			const std::size_t first = task * rows, count = std::min(rows, items.size() - first);
			math::Matrix a(count, d, &request_.budget), logits(count, stride_, &request_.budget);
			for (std::size_t i = 0; i < count; ++i)
				std::copy_n(from_.row(items[first + i]), d, a.row(i));
			constexpr std::size_t kSlice = 1024; // columns whose part of `to_` stays in the cache
			for (std::size_t c = 0; c < stride_; c += kSlice) {
				request_.stop.check();
				math::kernels().product(count, std::min(kSlice, stride_ - c), d, {a.values.data(), d, 1}, to_.row(0) + c, stride_,
										logits.row(0) + c, stride_, false);
			}
			for (std::size_t i = 0; i < count; ++i)
				visit(task, first + i, std::span<float>(logits.row(i), n_));
		});
	}

private:
	const TrainRequest &request_;
	const ItemSpace &space_;
	std::size_t n_, stride_;
	CompanionWeights weights_;
	math::Matrix from_, to_; // items × d, d × items
};

/// The logarithm of the sum over all but `item`, whose logit is -infinity afterwards.
double take_out(std::span<float> logits, std::uint32_t item) noexcept {
	logits[item] = -INFINITY;
	const float largest = math::largest(logits);
	return std::isfinite(largest) ? static_cast<double>(largest) + std::log(math::sum_exp(logits, largest)) : 0.0;
}

/// What k foretells the companions best: the mean of 1 / log2(2 + rank).
class PriorSize {
public:
	static constexpr float kSizes[] = {0.5f, 2, 5, 12, 30, 80, 200, 1000, 1e5f};

	PriorSize(const TrainRequest &request, const Prior &prior, const Counts &counts, std::span<const Companions> pairs)
		: counts_(counts) {
		const std::size_t every = 1 + pairs.size() * prior.n_items() / kMostAsked;
		for (std::size_t i = 0; i < pairs.size(); i += every)
			pairs_.push_back(pairs[i]);
		std::vector<std::uint32_t> items;
		for (const Companions &pair : pairs_)
			items.push_back(pair.item);
		request.monitor.phase("weighing counts", 1);
		std::vector<std::array<double, std::size(kSizes)>> gains(items.size());
		prior.each(items, [&](std::size_t, std::size_t p, std::span<float> logits) { ask(pairs_[p], logits, gains[p]); });
		for (const auto &gain : gains)
			for (std::size_t k = 0; k < gain.size(); ++k)
				gain_[k] += gain[k];
		request.monitor.advance();
	}
	float best() const noexcept { return kSizes[std::max_element(gain_.begin(), gain_.end()) - gain_.begin()]; }

private:
	void ask(const Companions &pair, std::span<float> logits, std::array<double, std::size(kSizes)> &gains) const {
		const double log_sum = take_out(logits, pair.item);
		std::vector<float> share(logits.size()), count(logits.size(), 0.0f);
		for (std::size_t b = 0; b < logits.size(); ++b)
			share[b] = static_cast<float>(std::exp(static_cast<double>(logits[b]) - log_sum));
		for (const Neighbour &n : counts_.row(pair.item))
			count[n.item] = static_cast<float>(counts_.count(n));
		for (std::size_t k = 0; k < gains.size(); ++k) {
			const float size = kSizes[k], truth = count[pair.companion] + size * share[pair.companion];
			std::size_t rank = 0;
			for (std::size_t b = 0; b < logits.size(); ++b)
				rank += count[b] + size * share[b] > truth;
			gains[k] = 1 / std::log2(2.0 + static_cast<double>(rank));
		}
	}

	const Counts &counts_;
	std::vector<Companions> pairs_;
	std::array<double, std::size(kSizes)> gain_{};
};

/// The best companions of each wanted item.
class Table {
public:
	Table(const TrainRequest &request, const Prior &prior, const Counts &counts, const ItemSpace &space, const CompanionWeights &weights)
		: request_(request), prior_(prior), counts_(counts), space_(space), prior_size_(static_cast<double>(weights.prior)),
		  discount_(request.hyperparameters["popularity_discount_factor"]) {}

	Neighbors find(std::span<const std::uint8_t> wanted) const {
		std::vector<std::uint32_t> items;
		for (std::uint32_t item = 0; item < prior_.n_items(); ++item)
			if (wanted.empty() || wanted[item] != 0)
				items.push_back(item);
		request_.monitor.phase("choosing companions", items.size());
		std::vector<Budgeted<math::Scored>> parts(prior_.n_tasks(items.size()),
												  Budgeted<math::Scored>(BudgetAllocator<math::Scored>(&request_.budget)));
		std::vector<std::uint32_t> sizes(items.size());
		prior_.each(items, [&](std::size_t task, std::size_t i, std::span<float> logits) {
			const std::size_t before = parts[task].size();
			append(items[i], logits, parts[task]);
			sizes[i] = static_cast<std::uint32_t>(parts[task].size() - before);
			request_.monitor.advance();
		});
		return joined(items, sizes, parts);
	}

private:
	/// Scores are logarithms, so that nothing is too small to be told apart.
	void append(std::uint32_t item, std::span<float> logits, Budgeted<math::Scored> &out) const {
		const double log_sum = take_out(logits, item), total = counts_.total(item) + prior_size_;
		const auto score = [&](std::uint32_t b, double count) {
			const double by_prior = prior_size_ * std::exp(static_cast<double>(logits[b]) - log_sum);
			const double p = count > 0 ? std::log((count + by_prior) / total)
									   : std::log(prior_size_ / total) + static_cast<double>(logits[b]) - log_sum;
			return static_cast<float>(p - discount_ * static_cast<double>(space_.log_share[b]));
		};
		math::TopK best;
		best.reset(kNeighbors);
		for (const Neighbour &n : counts_.row(item)) {
			best.push({n.item, score(n.item, counts_.count(n))});
			logits[n.item] = -INFINITY;
		}
		// Of the others, those that have something in common with the item.
		const auto fixed = static_cast<float>(std::log(prior_size_ / total) - log_sum), discount = static_cast<float>(discount_);
		for (std::uint32_t b = 0; b < logits.size(); ++b) {
			const float least = fixed + logits[b] - discount * space_.log_share[b];
			if (least >= best.bar() && logits[b] > prior_.by_share(b))
				best.push({b, least});
		}
		const std::span<const math::Scored> sorted = best.sorted();
		out.insert(out.end(), sorted.begin(), sorted.end());
	}

	Neighbors joined(std::span<const std::uint32_t> items, std::span<const std::uint32_t> sizes,
					 std::vector<Budgeted<math::Scored>> &parts) const {
		MemoryBudget *budget = &request_.budget;
		Neighbors out{Budgeted<std::uint64_t>(prior_.n_items() + 1, 0, BudgetAllocator<std::uint64_t>(budget)),
					  Budgeted<std::uint32_t>(BudgetAllocator<std::uint32_t>(budget)), Budgeted<float>(BudgetAllocator<float>(budget)), {}};
		for (std::size_t i = 0; i < items.size(); ++i)
			out.offsets[items[i] + 1] = sizes[i];
		for (std::size_t item = 0; item < prior_.n_items(); ++item)
			out.offsets[item + 1] += out.offsets[item];
		out.item.reserve(out.offsets.back());
		out.similarity.reserve(out.offsets.back());
		for (Budgeted<math::Scored> &part : parts) {
			request_.stop.check();
			for (const math::Scored &one : part) {
				out.item.push_back(one.item);
				out.similarity.push_back(std::max(std::exp(one.score), FLT_MIN));
			}
			part = Budgeted<math::Scored>(BudgetAllocator<math::Scored>(budget));
		}
		return out;
	}

	const TrainRequest &request_;
	const Prior &prior_;
	const Counts &counts_;
	const ItemSpace &space_;
	double prior_size_, discount_;
};

std::size_t dimension(const TrainRequest &request, const char *name) {
	return static_cast<std::size_t>(request.hyperparameters[name]);
}

/// With metadata, weights are found while a part of the items is taken for new: what metadata are worth shows where they are needed.
CompanionWeights learn(const TrainRequest &request, std::span<const std::uint8_t> sides, const ItemFactors &factors,
					   const ItemSpace &space, const math::Matrix &metadata, const Counts &counts) {
	const std::vector<Companions> pairs = held_out_companions(HeldOutCases(request, sides, kCases));
	CompanionWeights weights;
	if (metadata.columns == 0) {
		learn_weights(request, space, metadata, pairs, weights);
	} else {
		std::vector<std::uint8_t> taken(request.data.n_items());
		for (std::uint32_t item = 0; item < taken.size(); ++item)
			taken[item] = Rng(request.seed, kTakenStream, hash64(request.data.items()[item])).uniform() < kTakenShare;
		learn_weights(request, place_items(request, sides, factors, taken), metadata, pairs, weights);
	}
	if (!pairs.empty())
		weights.prior = PriorSize(request, Prior(request, space, metadata, weights), counts, pairs).best();
	return weights;
}

artifact::Writer write_model(const TrainRequest &request, std::span<const std::uint8_t> sides, std::span<const std::uint8_t> wanted,
							 const ItemSpace &space, const math::Matrix &metadata, const Counts &counts, const CompanionWeights &weights) {
	artifact::Writer writer("similar-items", &request.budget);
	add_common_sections(writer, request);
	const Prior prior(request, space, metadata, weights);
	write_neighbors(request, sides, Table(request, prior, counts, space, weights).find(wanted), writer);
	return writer;
}

TrainResult train(const TrainRequest &request) {
	const std::vector<std::uint8_t> sides = data::split_users(request.data, kHeldOutShare, request.seed);
	const std::size_t rank = dimension(request, "item_id_hidden_dim");
	const math::Matrix metadata = condense_metadata(request, dimension(request, "item_metadata_hidden_dim"));
	CompanionWeights weights;
	std::vector<Metric> metrics;
	{
		const ItemFactors factors = factorize_items(request, sides, rank);
		const ItemSpace space = place_items(request, sides, factors, {});
		const Counts counts(request, sides);
		weights = learn(request, sides, factors, space, metadata, counts);
		const std::vector<std::uint8_t> wanted = queried_items(request, sides, Side::Metrics);
		const Budgeted<std::byte> bytes = write_model(request, sides, wanted, space, metadata, counts, weights).finish();
		metrics = evaluate(*open_sims(artifact::View(bytes)), request, sides, Side::Metrics, EvaluationQuery::NewestItem);
	}
	const ItemSpace space = place_items(request, {}, factorize_items(request, {}, rank), {});
	return {write_model(request, {}, {}, space, metadata, Counts(request, {}), weights), std::move(metrics), {}};
}

} // namespace

double similar_items_operations(std::size_t n_events, std::size_t n_items) noexcept {
	const auto items = static_cast<double>(n_items), events = static_cast<double>(n_events);
	return 5e4 * std::min({3e7, 40 * events, items * items}) + 570 * items * items;
}

std::vector<HyperparameterSpec> similar_items_hyperparameters() {
	return {
		{"popularity_discount_factor", ParameterKind::Float, 0.0, 0, 1, false,
		 "How much an item's popularity counts against it: at 0 the most likely companions come first, at 1 those that are likelier "
		 "beside the item than anywhere else."},
		{"item_id_hidden_dim", ParameterKind::Integer, 100, 30, 200, true,
		 "Directions in which behaviour tells items apart; more of them tell finer, take longer, and hear more noise."},
		{"item_metadata_hidden_dim", ParameterKind::Integer, 100, 30, 200, true,
		 "Directions to which metadata and texts are condensed, to tell how alike items are."},
	};
}

TrainResult train_similar_items(const TrainRequest &request) {
	// All users count, whatever the length of their histories.
	Hyperparameters all = request.hyperparameters;
	all.set("min_user_history_length_percentile", 0);
	all.set("max_user_history_length_percentile", 1);
	return train({request.data, all, request.type_sign, request.seed, request.executor, request.stop, request.monitor, request.budget});
}

} // namespace recsys::recipe
