#include "recipe/network_training.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "base/rng.hpp"
#include "math/sum_exp.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kShards = 4; // a batch's; more threads than these find no work
constexpr std::size_t kRowsPerTask = 64;
constexpr std::uint64_t kRivalStream = 0x72697661, kItemStream = 0x6974656d;
constexpr float kBeta1 = 0.9f, kBeta2 = 0.98f, kEpsilon = 1e-5f; // slopes are sums over a batch's events
constexpr float kNever = -1e30f;
constexpr std::size_t kMostUnits = 256;
constexpr double kLastRate = 0.02;								   // of the peak
constexpr double kRateOnceMore = 0.05;							   // of the peak, for the pass over everybody
constexpr std::uint32_t kPatience = 4;							   // epochs without an improvement, or a quarter of all
constexpr std::size_t kWarmUpShare = 10;						   // at most a tenth of the steps
constexpr double kPi = 3.14159265358979;

template <class T> Budgeted<T> make(std::size_t n, MemoryBudget &budget) { return Budgeted<T>(n, T{}, BudgetAllocator<T>(&budget)); }

/// An array of weights with Adam's memory of its slopes.
struct Adam {
	Budgeted<float> mean, square;
	Adam(std::size_t n, MemoryBudget &budget) : mean(make<float>(n, budget)), square(make<float>(n, budget)) {}
};

/// A shard's part of a batch.
struct Shard {
	PackedHistories histories;
	NetworkPass pass;
	Budgeted<float> slopes, rival_slopes, rival_bias;
	double loss = 0;
	Shard(const NetworkLayout &layout, std::size_t rivals, MemoryBudget &budget)
		: pass(&budget), slopes(make<float>(layout.size(), budget)),
		  rival_slopes(make<float>(rivals * layout.shape().d, budget)), rival_bias(make<float>(rivals, budget)) {}
};

/// Where an item's slope comes from: an event's input or target, or a rival.
struct Source {
	enum Kind : std::uint8_t { Input, Target, Rival };
	std::uint32_t index;
	std::uint8_t shard;
	Kind kind;
};

} // namespace

struct NetworkTraining::Impl {
	const TrainRequest &request;
	NetworkSettings settings;
	NetworkModel model;
	std::size_t d, n_items, n_rivals;
	NetworkTransposes transposes;
	Adam of_weights, of_items, of_bias;
	std::vector<Shard> shards;
	std::vector<double> drawn; // cumulative weights of the items as rivals
	Budgeted<float> rival_rows, rival_transposed, rival_shift, slopes;
	std::vector<std::uint32_t> rival_items;
	std::vector<std::uint32_t> count, touched, source_begin;
	std::vector<std::uint64_t> rested_since; // step up to which an item's row is what it would be had all rows moved at each step
	std::vector<Source> sources;
	std::uint64_t step = 0;
	std::uint32_t warm_up = 1;
	double operations = 0;

	Impl(const TrainRequest &r, const NetworkShape &shape, const NetworkSettings &s);
	void count_items(const NetworkEvents &events);
	void draw_rivals();
	/// One epoch; rate(share of it that is done).
	void run(const NetworkEvents &events, std::uint64_t epoch, const std::function<double(double)> &rate);
	double learn(const NetworkEvents &events, std::span<const NetworkPiece> batch, std::uint64_t epoch, double rate);
	math::RecsysAdam adam(double rate) const;
	void catch_up(std::uint32_t item, math::RecsysAdam adam);
	void index_sources();
	void ask(const NetworkEvents &held_out, std::size_t user, std::uint32_t given, NetworkPass &pass, std::vector<float> &logit,
			 Foretelling &sum) const;
	void copy_rivals();
	void update(math::RecsysAdam adam);
	void update_item(std::size_t index, math::RecsysAdam adam, float *slope);
	template <class Use> void each_touched(Use use);
};

NetworkTraining::Impl::Impl(const TrainRequest &r, const NetworkShape &shape, const NetworkSettings &s)
	: request(r), settings(s), model{NetworkLayout(shape), {}, {}, {}}, d(shape.d), n_items(r.data.n_items()),
	  n_rivals(math::padded(std::min<std::size_t>(s.rivals, n_items))), transposes(model.layout, &r.budget),
	  of_weights(model.layout.size(), r.budget), of_items(n_items * shape.d, r.budget), of_bias(n_items, r.budget) {
	model.weights = make<float>(model.layout.size(), r.budget);
	model.items = make<float>(n_items * d, r.budget);
	model.bias = make<float>(n_items, r.budget);
	initialize(model.layout, r.seed, model.weights.data());
	const float spread = 0.5f / std::sqrt(static_cast<float>(d));
	SparsePoll poll(r.stop);
	for (std::size_t item = 0; item < n_items; ++item) {
		Rng rng(r.seed, kItemStream, item);
		for (std::size_t j = 0; j < d; ++j, poll())
			model.items[item * d + j] = spread * static_cast<float>(rng.normal());
	}
	for (std::size_t shard = 0; shard < kShards; ++shard)
		shards.emplace_back(model.layout, n_rivals, r.budget);
	rival_rows = make<float>(n_rivals * d, r.budget);
	rival_transposed = make<float>(n_rivals * d, r.budget);
	rival_shift = make<float>(n_rivals, r.budget);
	slopes = make<float>(model.layout.size(), r.budget);
	rival_items.resize(n_rivals);
	count.assign(n_items, 0);
	rested_since.assign(n_items, 0);
}

/// Biases begin as the log of the items' shares; how often an item is a rival follows from its count.
void NetworkTraining::Impl::count_items(const NetworkEvents &events) {
	std::vector<double> counts(n_items, 0.0);
	SparsePoll poll(request.stop);
	for (const std::uint32_t item : events.item) {
		poll();
		counts[item] += 1;
	}
	const double total = static_cast<double>(events.size()) + 0.5 * static_cast<double>(n_items);
	drawn.assign(1, 0.0);
	for (std::size_t item = 0; item < n_items; ++item, poll()) {
		model.bias[item] = static_cast<float>(std::log((counts[item] + 0.5) / total * static_cast<double>(n_items)));
		drawn.push_back(drawn.back() + std::pow(counts[item] + 0.5, static_cast<double>(settings.rival_power)));
	}
}

/// Each item as often as its weight says, rounded at random (systematic sampling): less noise than independent draws. Items of
/// small catalogues are all rivals, once.
void NetworkTraining::Impl::draw_rivals() {
	const bool everything = n_items <= settings.rivals;
	const double n = static_cast<double>(n_rivals), total = drawn.back();
	const double from = Rng(request.seed, kRivalStream, step).uniform();
	std::size_t item = 0;
	for (std::size_t i = 0; i < n_rivals; ++i) {
		if (everything) {
			item = std::min(i, n_items - 1);
		} else {
			const double at = (static_cast<double>(i) + from) / n * total;
			while (item + 1 < n_items && drawn[item + 1] <= at)
				++item;
		}
		rival_items[i] = static_cast<std::uint32_t>(item);
		const double expected = everything ? 1.0 : n * (drawn[item + 1] - drawn[item]) / total;
		rival_shift[i] = everything && i >= n_items ? kNever : -static_cast<float>(std::log(expected));
	}
}

void NetworkTraining::Impl::copy_rivals() {
	for (std::size_t i = 0; i < n_rivals; ++i) {
		const std::uint32_t item = rival_items[i];
		rival_shift[i] += model.bias[item];
		std::memcpy(rival_rows.data() + i * d, model.items.data() + item * d, d * sizeof(float));
		for (std::size_t j = 0; j < d; ++j)
			rival_transposed[j * n_rivals + i] = rival_rows[i * d + j];
	}
}

template <class Use> void NetworkTraining::Impl::each_touched(Use use) {
	request.executor.run((touched.size() + kRowsPerTask - 1) / kRowsPerTask, [&](std::size_t task) {
		request.stop.check();
		for (std::size_t i = task * kRowsPerTask; i < std::min(touched.size(), (task + 1) * kRowsPerTask); ++i)
			use(i);
	});
}

/// A row without a slope still moves, on what Adam remembers of it, and forgets. That is made up for when it is next needed.
void NetworkTraining::Impl::catch_up(std::uint32_t item, math::RecsysAdam adam) {
	if (rested_since[item] == step)
		return;
	const std::uint64_t n = step - rested_since[item];
	math::kernels().adam_rest(d, n, adam, model.items.data() + item * d, of_items.mean.data() + item * d,
							  of_items.square.data() + item * d);
	rested_since[item] = step;
}

double NetworkTraining::Impl::learn(const NetworkEvents &events, std::span<const NetworkPiece> batch, std::uint64_t epoch, double rate) {
	const NetworkWeights weights{model.layout, model.weights.data()};
	draw_rivals();
	request.executor.run(kShards, [&](std::size_t s) {
		std::vector<NetworkPiece> mine;
		for (std::size_t i = s; i < batch.size(); i += kShards)
			mine.push_back(batch[i]);
		pack_pieces(events, mine, {request.seed, epoch}, shards[s].histories);
	});
	index_sources();
	const math::RecsysAdam of_rest = adam(rate);
	each_touched([&](std::size_t i) { catch_up(touched[i], of_rest); });
	transposes.update(weights);
	copy_rivals();
	const Rivals rivals{n_rivals, rival_rows.data(), rival_transposed.data(), rival_shift.data(), rival_items.data()};
	request.executor.run(kShards, [&](std::size_t s) {
		Shard &shard = shards[s];
		std::fill(shard.slopes.begin(), shard.slopes.end(), 0.0f);
		std::fill(shard.rival_slopes.begin(), shard.rival_slopes.end(), 0.0f);
		std::fill(shard.rival_bias.begin(), shard.rival_bias.end(), 0.0f);
		shard.pass.forward(weights, model.items.data(), shard.histories, {settings.drop, settings.horizon}, request.stop);
		shard.loss = shard.pass.backward(weights, transposes, model.items.data(), model.bias.data(), rivals, shard.slopes.data(),
										 shard.rival_slopes.data(), shard.rival_bias.data(), request.stop);
	});
	++step;
	update(adam(rate));
	double loss = 0, n = 0;
	for (const Shard &shard : shards) {
		loss += shard.loss;
		n += static_cast<double>(shard.histories.events());
	}
	operations += 3 * n * 2 * static_cast<double>(d) * static_cast<double>(14 * d + n_rivals);
	return loss;
}

/// For each item that has a slope, where the parts of it stand, in a fixed order.
void NetworkTraining::Impl::index_sources() {
	for (const std::uint32_t item : touched)
		count[item] = 0;
	touched.clear();
	const auto touch = [&](std::uint32_t item) {
		if (count[item]++ == 0)
			touched.push_back(item);
	};
	const auto each = [&](auto &&use) {
		for (std::uint32_t i = 0; i < n_rivals; ++i)
			use(rival_items[i], Source{i, 0, Source::Rival});
		for (std::uint8_t s = 0; s < kShards; ++s) {
			const PackedHistories &h = shards[s].histories;
			for (std::uint32_t e = 0; e < h.events(); ++e) {
				use(h.slot[e], Source{e, s, Source::Input});
				use(h.target[e], Source{e, s, Source::Target});
			}
		}
	};
	each([&](std::uint32_t item, Source) { touch(item); });
	source_begin.assign(touched.size() + 1, 0);
	for (std::size_t i = 0; i < touched.size(); ++i) {
		source_begin[i + 1] = source_begin[i] + count[touched[i]];
		count[touched[i]] = source_begin[i];
	}
	sources.resize(source_begin.back());
	each([&](std::uint32_t item, Source source) { sources[count[item]++] = source; });
}

void NetworkTraining::Impl::update_item(std::size_t index, math::RecsysAdam adam, float *slope) {
	static const math::RecsysKernels &k = math::kernels();
	const std::uint32_t item = touched[index];
	std::fill_n(slope, d, 0.0f);
	float bias = 0;
	for (std::uint32_t i = source_begin[index]; i < source_begin[index + 1]; ++i) {
		const Source &source = sources[i];
		const NetworkPass &pass = shards[source.shard].pass;
		if (source.kind == Source::Input) {
			k.add(d, pass.input_slope(source.index), slope);
		} else if (source.kind == Source::Target) {
			k.axpy(d, pass.target_slope(source.index), pass.output(source.index), slope);
			bias += pass.target_slope(source.index);
		} else {
			for (const Shard &shard : shards) {
				k.add(d, shard.rival_slopes.data() + source.index * d, slope);
				bias += shard.rival_bias[source.index];
			}
		}
	}
	k.adam(d, slope, adam, model.items.data() + item * d, of_items.mean.data() + item * d, of_items.square.data() + item * d);
	rested_since[item] = step;
	float &mean = of_bias.mean[item], &square = of_bias.square[item];
	mean = adam.beta1 * mean + (1 - adam.beta1) * bias;
	square = adam.beta2 * square + (1 - adam.beta2) * bias * bias;
	model.bias[item] -= adam.rate * mean / (std::sqrt(square) + adam.epsilon);
}

/// Of the step that is to come or just done, with the bias of the first steps undone.
math::RecsysAdam NetworkTraining::Impl::adam(double rate) const {
	const double n = static_cast<double>(std::max<std::uint64_t>(step, 1));
	const double root = std::sqrt(1 - std::pow(static_cast<double>(kBeta2), n));
	return {static_cast<float>(rate * root / (1 - std::pow(static_cast<double>(kBeta1), n))), kBeta1, kBeta2,
			static_cast<float>(static_cast<double>(kEpsilon) * root)};
}

void NetworkTraining::Impl::update(math::RecsysAdam adam) {
	static const math::RecsysKernels &k = math::kernels();
	each_touched([&](std::size_t i) {
		float slope[kMostUnits];
		update_item(i, adam, slope);
	});
	std::copy(shards[0].slopes.begin(), shards[0].slopes.end(), slopes.begin());
	for (std::size_t s = 1; s < kShards; ++s)
		k.add(slopes.size(), shards[s].slopes.data(), slopes.data());
	k.adam(slopes.size(), slopes.data(), adam, model.weights.data(), of_weights.mean.data(), of_weights.square.data());
}

NetworkTraining::NetworkTraining(const TrainRequest &request, const NetworkShape &shape, const NetworkSettings &settings)
	: impl_(std::make_unique<Impl>(request, shape, settings)) {}
NetworkTraining::~NetworkTraining() = default;
const NetworkModel &NetworkTraining::model() const noexcept { return impl_->model; }
double NetworkTraining::operations() const noexcept { return impl_->operations; }

void NetworkTraining::Impl::run(const NetworkEvents &events, std::uint64_t epoch, const std::function<double(double)> &rate) {
	const NetworkChance chance{request.seed, epoch};
	const auto batches = group_pieces(cut_histories(events, settings.piece, chance, request.stop), settings.batch, settings.piece, chance,
									  request.stop);
	double loss = 0, seen = 0;
	for (std::size_t i = 0; i < batches.size(); ++i) {
		if (step == 0)
			warm_up = std::min(settings.warm_up, static_cast<std::uint32_t>(1 + batches.size() * settings.epochs / kWarmUpShare));
		const double warm = std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(warm_up));
		const double done = static_cast<double>(i) / static_cast<double>(batches.size());
		loss += learn(events, batches[i], epoch, static_cast<double>(settings.rate) * warm * rate(done));
		std::uint64_t n = 0;
		for (const Shard &shard : shards)
			n += shard.histories.events();
		seen += static_cast<double>(n);
		request.monitor.advance(n);
		request.monitor.loss(loss / seen);
	}
	const math::RecsysAdam of_rest = adam(static_cast<double>(settings.rate) * rate(1));
	request.executor.run((n_items + kRowsPerTask - 1) / kRowsPerTask, [&](std::size_t task) {
		request.stop.check();
		for (std::size_t item = task * kRowsPerTask; item < std::min(n_items, (task + 1) * kRowsPerTask); ++item)
			catch_up(static_cast<std::uint32_t>(item), of_rest);
	});
}

void NetworkTraining::fit(const NetworkEvents &events, const NetworkEvents *held_out, std::span<const std::uint32_t> given) {
	Impl &t = *impl_;
	t.count_items(events);
	const std::uint32_t epochs = t.settings.epochs;
	const std::uint32_t patience = std::max(kPatience, epochs / 4);
	NetworkModel best{t.model.layout, {}, {}, {}};
	double most = -std::numeric_limits<double>::infinity();
	std::uint32_t best_epoch = 0;
	t.request.monitor.phase("training the network", static_cast<std::uint64_t>(epochs) * (events.size() - std::min(events.size(), events.users())));
	for (std::uint32_t epoch = 0; epoch < epochs; ++epoch) {
		t.run(events, epoch, [&](double done) {
			const double progress = (epoch + done) / epochs;
			return kLastRate + (1 - kLastRate) * 0.5 * (1 + std::cos(kPi * progress));
		});
		const Foretelling found = held_out == nullptr ? Foretelling{} : foretell(*held_out, given);
		if (found.asked == 0)
			continue;
		if (found.likelihood > most) {
			most = found.likelihood;
			best_epoch = epoch;
			best = t.model;
		} else if (epoch - best_epoch >= patience) {
			break;
		}
	}
	if (!best.weights.empty())
		t.model = std::move(best);
}

void NetworkTraining::go_on(const NetworkEvents &events) {
	Impl &t = *impl_;
	t.request.monitor.phase("training the network on everybody", events.size() - std::min(events.size(), events.users()));
	t.run(events, t.settings.epochs, [](double done) { return kRateOnceMore * (1 - done); });
}

Foretelling NetworkTraining::foretell(const NetworkEvents &held_out, std::span<const std::uint32_t> given) const {
	constexpr std::size_t kUsers = 8; // of a task
	const Impl &t = *impl_;
	std::vector<Foretelling> parts((held_out.users() + kUsers - 1) / kUsers);
	t.request.executor.run(parts.size(), [&](std::size_t task) {
		NetworkPass pass(&t.request.budget);
		std::vector<float> logit(t.n_items);
		for (std::size_t user = task * kUsers; user < std::min(held_out.users(), (task + 1) * kUsers); ++user)
			t.ask(held_out, user, given[user], pass, logit, parts[task]);
	});
	Foretelling sum;
	for (const Foretelling &part : parts) {
		sum.likelihood += part.likelihood;
		sum.ndcg += part.ndcg;
		sum.asked += part.asked;
	}
	const double n = static_cast<double>(std::max<std::size_t>(sum.asked, 1));
	return {sum.likelihood / n, sum.ndcg / n, sum.asked};
}

/// Adds up one user's events from the given ones on.
void NetworkTraining::Impl::ask(const NetworkEvents &held_out, std::size_t user, std::uint32_t given, NetworkPass &pass,
								std::vector<float> &logit, Foretelling &sum) const {
	const std::uint64_t end = held_out.begin[user + 1], first = held_out.begin[user];
	if (end - first < 2)
		return;
	const std::uint64_t begin = std::max(first, end - std::min<std::uint64_t>(end, settings.piece + 1));
	const NetworkPiece piece{begin, static_cast<std::uint32_t>(end - 1 - begin), static_cast<std::uint32_t>(user)};
	PackedHistories histories;
	pack_pieces(held_out, {&piece, 1}, {request.seed, 0}, histories);
	const NetworkWeights weights{model.layout, model.weights.data()};
	pass.forward(weights, model.items.data(), histories, {}, request.stop);
	for (std::uint32_t e = 0; e < piece.length; ++e) {
		if (begin + e + 1 < first + given)
			continue;
		request.stop.check();
		std::fill(logit.begin(), logit.end(), 0.0f);
		math::kernels().scores(n_items, d, model.items.data(), model.bias.data(), pass.answer(weights, e), 1.0f, logit.data());
		const std::uint32_t truth = histories.target[e];
		const float highest = *std::max_element(logit.begin(), logit.end());
		sum.likelihood += static_cast<double>(logit[truth] - highest) - std::log(math::sum_exp(logit, highest));
		for (std::uint32_t past = 0; past <= e; ++past)
			if (histories.slot[past] != truth)
				logit[histories.slot[past]] = -std::numeric_limits<float>::infinity();
		const auto rank = std::count_if(logit.begin(), logit.end(), [&](float x) { return x > logit[truth]; });
		sum.ndcg += rank < 10 ? 1 / std::log2(2.0 + static_cast<double>(rank)) : 0;
		++sum.asked;
	}
}

} // namespace recsys::recipe
