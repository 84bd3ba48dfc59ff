#include <algorithm>
#include <cmath>

#include "base/hash.hpp"
#include "base/rng.hpp"
#include "recipe/cold_choice.hpp"
#include "recipe/cold_items.hpp"
#include "recipe/evaluate.hpp"
#include "recipe/feature_regression.hpp"
#include "recipe/feature_sections.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kFewestKnown = 50;	  // items, to learn what features are worth
constexpr double kSimulatedShare = 0.25;	  // of the known items are made new, but
constexpr std::size_t kMostSimulated = 2000;  // no more
constexpr std::size_t kFewestCases = 20;	  // whose truth was made new
constexpr double kLeastExposure = 0.02;		  // share of the log: for an item of yesterday a rate says nothing yet
constexpr float kSettled = 0.1f;			  // rest below which an item is known

/// What behaviour tells of each item.
struct Evidence {
	std::vector<double> count, exposure; // positive events; the share of the log that came after the item
	std::vector<std::uint8_t> described; // has features
	double n_events = 0;

	Evidence(const TrainRequest &request, std::span<const std::uint8_t> sides)
		: count(request.data.n_items(), 0.0), exposure(count), described(count.size(), 0) {
		const data::TrainingSet &set = request.data;
		std::vector<std::int64_t> times, oldest(count.size(), std::numeric_limits<std::int64_t>::max());
		SparsePoll poll(request.stop);
		for (std::uint32_t user = 0; user < set.n_users(); ++user) {
			const bool learned = sides.empty() || sides[user] == static_cast<std::uint8_t>(Side::Training);
			for (std::size_t event = set.user_begin(user); event < set.user_begin(user + 1); ++event, poll()) {
				const std::uint32_t item = set.item()[event];
				oldest[item] = std::min(oldest[item], set.time()[event]);
				if (!learned || !is_positive(request, event))
					continue;
				count[item] += 1;
				times.push_back(set.time()[event]);
			}
		}
		n_events = static_cast<double>(times.size());
		std::sort(times.begin(), times.end(), [&](std::int64_t a, std::int64_t b) {
			poll();
			return a < b;
		});
		const data::Features &features = set.item_features().rows;
		for (std::size_t item = 0; item < count.size(); ++item) {
			described[item] = set.item_has_row()[item] != 0 && item < features.rows();
			exposure[item] = exposed(times, set.item_created()[item], oldest[item]);
		}
	}

private:
	/// A creation time that is not known is told as the oldest event's or, without events, as now. An item with events but without a
	/// time was there all along, for all one knows.
	double exposed(const std::vector<std::int64_t> &times, std::int64_t created, std::int64_t oldest) const {
		if (times.empty() || created == oldest)
			return 1;
		const auto later = times.end() - std::upper_bound(times.begin(), times.end(), std::min(created, oldest));
		return static_cast<double>(later) / n_events;
	}
};

/// Vectors and the logarithm of the rate, to be foretold together.
math::Matrix targets(const ItemFactors &factors, const Evidence &evidence, MemoryBudget &budget) {
	const std::size_t rank = factors.back.columns;
	math::Matrix out(factors.back.rows, rank + 1, &budget);
	for (std::size_t item = 0; item < out.rows; ++item) {
		std::copy_n(factors.back.row(item), rank, out.row(item));
		out.row(item)[rank] =
			static_cast<float>(std::log((evidence.count[item] + 1) / std::max(evidence.exposure[item], kLeastExposure)));
	}
	return out;
}

double negative_binomial(double n, double mean, double shape) {
	return std::lgamma(n + shape) - std::lgamma(shape) + shape * std::log(shape / (shape + mean)) +
		   n * std::log(mean / (shape + mean));
}

/// New and little known items as the model keeps them.
struct ColdSections {
	std::vector<std::uint32_t> items;
	std::vector<float> rest, log_share, vectors;

	void add(std::uint32_t item, float left, float share, std::span<const float> vector) {
		items.push_back(item);
		rest.push_back(left);
		log_share.push_back(share);
		vectors.insert(vectors.end(), vector.begin(), vector.end());
	}
	/// `forecast`: vector, log rate. Items that are known enough are left out.
	void foretell(std::uint32_t item, std::span<const float> forecast, const Evidence &evidence, std::size_t row, const ColdSettings &settings) {
		const auto shape = static_cast<double>(settings.shape);
		const double rate = static_cast<double>(settings.factor) * std::exp(static_cast<double>(forecast.back()));
		const double n = evidence.count[row], exposure = evidence.exposure[row];
		const double left = shape / (shape + std::max(rate * exposure, n));
		if (left > static_cast<double>(kSettled))
			add(item, static_cast<float>(left),
				static_cast<float>(std::log((shape + n) / (shape / rate + exposure) / std::max(evidence.n_events, 1.0))),
				forecast.first(forecast.size() - 1));
	}
	void write(artifact::Writer &writer) const {
		writer.add<std::uint32_t>("cold.items", items);
		writer.add<float>("cold.rest", rest);
		writer.add<float>("cold.log_share", log_share);
		writer.add<float>("cold.vectors", vectors);
	}
};

/// Both in the order of the items.
ColdSections merged(const ColdSections &a, const ColdSections &b) {
	ColdSections out;
	const auto take = [&out](const ColdSections &from, std::size_t i) {
		const std::size_t rank = from.vectors.size() / from.items.size();
		out.add(from.items[i], from.rest[i], from.log_share[i], std::span(from.vectors).subspan(i * rank, rank));
	};
	for (std::size_t i = 0, j = 0; i < a.items.size() || j < b.items.size();) {
		if (j == b.items.size() || (i < a.items.size() && a.items[i] < b.items[j]))
			take(a, i++);
		else
			take(b, j++);
	}
	return out;
}

/// Of a model that is updated: what its known items were like, by ordinal of the data.
struct KnownTargets {
	math::Matrix wanted;
	std::vector<std::uint8_t> known;

	KnownTargets(std::span<const float> stored, const UpdatedItems &items, const Evidence &evidence, const TrainRequest &request)
		: wanted(evidence.count.size(), items.old_size() == 0 ? 0 : stored.size() / items.old_size(), &request.budget),
		  known(evidence.count.size(), 0) {
		for (std::size_t item = 0; item < items.size(); ++item) {
			const std::uint32_t row = items.from_data()[item], was = items.from_old()[item];
			if (row == data::kNone || was == data::kNone || evidence.described[row] == 0 || wanted.columns == 0)
				continue;
			std::copy_n(stored.data() + was * wanted.columns, wanted.columns, wanted.row(row));
			known[row] = wanted.row(row)[wanted.columns - 1] > 0;
		}
	}
};

/// Known items, of which a part is made new; their forecasts.
class Simulation {
public:
	Simulation(const TrainRequest &request, std::span<const std::uint8_t> sides, const ItemFactors &factors)
		: request_(request), factors_(factors), evidence_(request, sides), regressors_(request.data.item_features()),
		  known_(evidence_.count.size(), 0) {
		std::size_t n_known = 0;
		for (std::size_t item = 0; item < known_.size(); ++item)
			n_known += known_[item] = evidence_.described[item] != 0 && evidence_.count[item] > 0;
		const double most = static_cast<double>(kMostSimulated) / static_cast<double>(std::max<std::size_t>(n_known, 1));
		const double share = std::min(kSimulatedShare, most);
		for (std::uint32_t item = 0; item < known_.size(); ++item)
			if (known_[item] != 0 && Rng(request.seed, 0x636f6c64, hash64(request.data.items()[item])).uniform() < share) {
				known_[item] = 0;
				items_.push_back(item);
			}
		enough_ = n_known >= kFewestKnown && !items_.empty();
	}
	bool enough() const noexcept { return enough_; }
	/// After learn(): those taken out, as they would be if they were new.
	NewItems new_items(const ColdSettings &settings) const {
		NewItems out{items_, {}, forecast_, factors_.forth};
		for (std::size_t i = 0; i < items_.size(); ++i)
			out.log_share.push_back(static_cast<double>(forecast_.row(i)[factors_.forth.columns]) +
									std::log(static_cast<double>(settings.factor) / std::max(evidence_.n_events, 1.0)));
		return out;
	}

	/// The penalty under which the taken out are foretold best, the factor that makes the mean right, and the shape that makes
	/// the counts likeliest.
	void learn(ColdSettings &settings) {
		const math::Workers workers{request_.executor, request_.stop, &request_.budget};
		const math::Matrix wanted = targets(factors_, evidence_, request_.budget);
		request_.monitor.phase("learning what features tell", 3);
		double least = INFINITY;
		for (const float penalty : {1.0f, 3.0f, 10.0f}) {
			const math::Matrix coefficients = regressors_.fit(wanted, known_, static_cast<double>(penalty), workers);
			math::Matrix found(items_.size(), wanted.columns, &request_.budget);
			double error = 0;
			for (std::size_t i = 0; i < items_.size(); ++i) {
				regressors_.predict(items_[i], coefficients, {found.row(i), found.columns});
				for (std::size_t d = 0; d + 1 < found.columns; ++d) {
					const auto miss = static_cast<double>(found.row(i)[d] - wanted.row(items_[i])[d]);
					error += miss * miss;
				}
			}
			if (error < least) {
				least = error;
				settings.penalty = penalty;
				forecast_ = std::move(found);
			}
			request_.monitor.advance();
		}
		learn_counts(settings);
	}

private:
	void learn_counts(ColdSettings &settings) {
		double seen = 0, expected = 0;
		const auto raw = [&](std::size_t i) {
			return std::exp(static_cast<double>(forecast_.row(i)[factors_.forth.columns])) * std::max(evidence_.exposure[items_[i]], kLeastExposure);
		};
		for (std::size_t i = 0; i < items_.size(); ++i) {
			seen += evidence_.count[items_[i]];
			expected += raw(i);
		}
		settings.factor = static_cast<float>(expected > 0 && seen > 0 ? seen / expected : 1.0);
		double best = -INFINITY;
		for (const float shape : {0.1f, 0.2f, 0.5f, 1.0f, 2.0f, 5.0f, 10.0f, 20.0f}) {
			double likelihood = 0;
			for (std::size_t i = 0; i < items_.size(); ++i)
				likelihood += negative_binomial(evidence_.count[items_[i]], static_cast<double>(settings.factor) * raw(i), static_cast<double>(shape));
			if (likelihood > best) {
				best = likelihood;
				settings.shape = shape;
			}
		}
	}

	const TrainRequest &request_;
	const ItemFactors &factors_;
	Evidence evidence_;
	Regressors regressors_;
	std::vector<std::uint8_t> known_;	// and not taken out
	std::vector<std::uint32_t> items_;	// taken out
	bool enough_ = false;
	math::Matrix forecast_; // of those taken out: vector, log rate
};

} // namespace

std::optional<ColdSettings> learn_cold_items(const TrainRequest &request, std::span<const std::uint8_t> sides, const ItemFactors &factors,
											 const HeldOutCases &cases, const Scorer &scorer) {
	Simulation simulation(request, sides, factors);
	if (!simulation.enough())
		return std::nullopt;
	ColdSettings best;
	simulation.learn(best);
	request.monitor.phase("weighing new items", 4);
	NextChoice choice(request, simulation.new_items(best), cases, scorer);
	if (choice.chosen_new() < kFewestCases)
		return best;
	double most = -INFINITY;
	for (const float age_power : {0.5f, 1.0f, 1.5f, 2.0f}) {
		ColdSettings settings = best;
		const double likelihood = choice.fit(age_power, settings);
		if (likelihood > most) {
			most = likelihood;
			best.age_power = settings.age_power;
			best.offset = settings.offset;
			best.share_weight = settings.share_weight;
			best.weight = settings.weight;
		}
		request.monitor.advance();
	}
	return best;
}

void fit_cold_items(const TrainRequest &request, std::span<const std::uint8_t> sides, const ItemFactors &factors,
					const ColdSettings &settings, artifact::Writer &writer) {
	const math::Workers workers{request.executor, request.stop, &request.budget};
	const Evidence evidence(request, sides);
	const Regressors regressors(request.data.item_features());
	std::vector<std::uint8_t> known(evidence.count.size());
	for (std::size_t item = 0; item < known.size(); ++item)
		known[item] = evidence.described[item] != 0 && evidence.count[item] > 0;
	math::Matrix wanted = targets(factors, evidence, request.budget);
	const math::Matrix coefficients = regressors.fit(wanted, known, static_cast<double>(settings.penalty), workers);
	std::vector<float> forecast(wanted.columns);
	ColdSections cold;
	for (std::uint32_t item = 0; item < known.size(); ++item) {
		if (item % 256 == 0)
			request.stop.check();
		if (evidence.described[item] == 0)
			continue;
		regressors.predict(item, coefficients, forecast);
		cold.foretell(item, forecast, evidence, item, settings);
	}
	// Updates learn from the known items again; log((count + 1) / exposure) of these is above zero.
	for (std::size_t item = 0; item < known.size(); ++item)
		if (known[item] == 0)
			std::fill_n(wanted.row(item), wanted.columns, 0.0f);
	cold.write(writer);
	writer.add<float>("cold.forth", factors.forth.values);
	writer.add<float>("cold.known", wanted.values);
	writer.add<float>("cold.coefficients", coefficients.values);
	writer.add<ColdSettings>("cold.settings", {&settings, 1});
	write_features(writer, "items", request.data.item_features().encoder);
}

void update_cold_items(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request, artifact::Writer &writer) {
	const auto settings = old.get<ColdSettings>("cold.settings", 1);
	const auto before = old.get<std::uint32_t>("cold.items");
	const auto rest = old.get<float>("cold.rest", before.size()), share = old.get<float>("cold.log_share", before.size());
	const auto vectors = old.get<float>("cold.vectors"), stored = old.get<float>("cold.known");
	const std::size_t rank = before.empty() ? 0 : vectors.size() / before.size();
	ColdSections cold;
	for (std::size_t i = 0; i < before.size(); ++i) {
		if (before[i] >= items.old_size())
			artifact::View::fail("cold.items", "has an impossible item");
		// Still ascending: both dictionaries are in one order.
		if (const std::uint32_t item = items.to_new()[before[i]]; !items.added(item))
			cold.add(item, rest[i], share[i], vectors.subspan(i * rank, rank));
	}
	writer.add<float>("cold.forth", moved_rows(old.get<float>("cold.forth"), items, request.budget));
	writer.add<float>("cold.known", moved_rows(stored, items, request.budget));
	writer.add<ColdSettings>("cold.settings", settings);
	if (request.data.item_features().rows.empty()) { // the metadata is gone
		cold.write(writer);
		copy_section(old, "cold.coefficients", writer);
		copy_features(old, "items", writer);
		return;
	}
	const Evidence evidence(request, {});
	const Regressors regressors(request.data.item_features());
	const KnownTargets targets(stored, items, evidence, request);
	const math::Workers workers{request.executor, request.stop, &request.budget};
	const math::Matrix coefficients = regressors.fit(targets.wanted, targets.known, static_cast<double>(settings[0].penalty), workers);
	std::vector<float> forecast(targets.wanted.columns);
	ColdSections added;
	for (std::uint32_t item = 0; item < items.size(); ++item) {
		const std::uint32_t row = items.from_data()[item];
		if (!items.added(item) || row == data::kNone || evidence.described[row] == 0 || forecast.empty())
			continue;
		regressors.predict(row, coefficients, forecast);
		added.foretell(item, forecast, evidence, row, settings[0]);
	}
	merged(cold, added).write(writer);
	writer.add<float>("cold.coefficients", coefficients.values);
	write_features(writer, "items", request.data.item_features().encoder);
}

} // namespace recsys::recipe
