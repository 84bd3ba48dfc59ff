#include "recipe/neighbours.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

namespace recsys::recipe {

namespace {

constexpr std::size_t kTasks = 128;			 // of a table; fixed, so that sums do not depend on the threads
constexpr std::size_t kPollPairs = 1 << 20;	 // additions between two polls: about a millisecond
constexpr std::size_t kCasesPerTask = 16;
constexpr std::size_t kRanked = 100;

/// Errors: RS003.
std::uint32_t item_bits(std::size_t n_items) {
	const auto bits = static_cast<std::uint32_t>(std::bit_width(std::max<std::size_t>(n_items, 2) - 1));
	if (bits > 24)
		throw Error(sqlstate::LimitExceeded, "too many items to train on", "At most 16777216 items can be counted.");
	return bits;
}

/// An entry's largest fraction.
std::uint32_t full_fraction(std::uint32_t bits) noexcept {
	return (1u << std::min(16u, 32 - bits)) - 1;
}

bool stronger(const Neighbour &a, const Neighbour &b) noexcept {
	return a.weight != b.weight ? a.weight > b.weight : a.item < b.item;
}

/// First items of the tasks, so that each has about as many events; kTasks + 1 values.
std::vector<std::size_t> cut_tasks(const Sequences &sequences) {
	std::vector<std::size_t> first{0};
	const double share = static_cast<double>(sequences.n_events() + sequences.n_items()) / kTasks;
	double sum = 0;
	for (std::size_t item = 0; item < sequences.n_items(); ++item) {
		if (sum >= share * static_cast<double>(first.size()) && first.size() < kTasks)
			first.push_back(item);
		sum += static_cast<double>(sequences.events_on(item).size() + 1);
	}
	first.resize(kTasks + 1, sequences.n_items());
	return first;
}

/// x^-power for x = 0 … n - 1, with 0 as 1.
std::vector<float> inverse_powers(std::size_t n, float power) {
	std::vector<float> value(n, 1.0f);
	for (std::size_t x = 2; x < n; ++x)
		value[x] = static_cast<float>(std::pow(static_cast<double>(x), -static_cast<double>(power)));
	return value;
}

/// Computes rows; one object a task.
class RowCounter {
public:
	RowCounter(const TrainRequest &request, const Sequences &sequences, const NeighbourSettings &settings,
			   std::span<const float> kernel, std::span<const float> user_weight, std::span<const float> to_weight)
		: stop_(request.stop), s_(sequences), settings_(settings), kernel_(kernel), user_weight_(user_weight),
		  to_weight_(to_weight), sum_(sequences.n_items(), 0.0f, BudgetAllocator<float>(&request.budget)) {}

	/// Appends the strongest neighbours of `item`, strongest first.
	void append_row(std::uint32_t item, Budgeted<Neighbour> &out) {
		for (const std::uint32_t event : s_.events_on(item)) {
			add_after(event);
			if (settings_.backward > 0)
				add_before(event);
		}
		const auto from = static_cast<float>(
			std::pow(static_cast<double>(s_.events_on(item).size()), -static_cast<double>(settings_.from_power)));
		row_.clear();
		for (const std::uint32_t other : touched_) {
			const float weight = sum_[other] * from * to_weight_[other];
			sum_[other] = 0;
			if (other != item)
				row_.push_back({other, weight});
		}
		touched_.clear();
		poll(row_.size() + 1);
		const std::size_t kept = std::min<std::size_t>(row_.size(), settings_.neighbours);
		std::nth_element(row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(kept), row_.end(), stronger);
		std::sort(row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(kept), stronger);
		out.insert(out.end(), row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(kept));
	}

private:
	void add(std::uint32_t other, float weight) {
		if (sum_[other] == 0.0f)
			touched_.push_back(other);
		sum_[other] += weight;
	}
	void poll(std::size_t pairs) {
		since_poll_ += pairs;
		if (since_poll_ >= kPollPairs) {
			since_poll_ = 0;
			stop_.check();
		}
	}
	void add_after(std::uint32_t event) {
		const std::uint32_t user = s_.user(event), step = s_.step(event);
		const std::size_t end = std::min(s_.user_begin(user + 1), std::size_t{event} + 1 + Sequences::kReach);
		const float weight = user_weight_[user];
		std::size_t other = std::size_t{event} + 1;
		for (; other < end && s_.step(other) - step <= settings_.window; ++other)
			if (s_.step(other) != step || settings_.backward > 0)
				add(s_.item(other), weight * kernel_[s_.step(other) - step]);
		poll(other - event);
	}
	void add_before(std::uint32_t event) {
		const std::uint32_t user = s_.user(event), step = s_.step(event);
		const std::size_t reach = std::min<std::size_t>(Sequences::kReach, event - s_.user_begin(user));
		const float weight = user_weight_[user];
		std::size_t back = 1;
		for (; back <= reach && step - s_.step(event - back) <= settings_.window; ++back) {
			const std::uint32_t distance = step - s_.step(event - back);
			// Nothing tells which of two events of one moment came first, so neither is discounted.
			add(s_.item(event - back), weight * kernel_[distance] * (distance == 0 ? 1.0f : settings_.backward));
		}
		poll(back);
	}

	StopToken stop_;
	const Sequences &s_;
	const NeighbourSettings &settings_;
	std::span<const float> kernel_, user_weight_, to_weight_;
	Budgeted<float> sum_;
	std::vector<std::uint32_t> touched_;
	std::vector<Neighbour> row_;
	std::size_t since_poll_ = 0;
};

} // namespace

NeighbourCounts count_neighbours(const TrainRequest &request, const Sequences &sequences, const NeighbourSettings &settings) {
	const std::vector<std::size_t> first = cut_tasks(sequences);
	const std::vector<float> kernel = inverse_powers(Sequences::kReach + 1, settings.distance_power);
	std::vector<float> user_weight(sequences.n_users()), to_weight(sequences.n_items());
	for (std::size_t user = 0; user < sequences.n_users(); ++user)
		user_weight[user] = static_cast<float>(
			std::pow(static_cast<double>(sequences.user_begin(user + 1) - sequences.user_begin(user)),
					 -static_cast<double>(settings.user_power)));
	for (std::size_t item = 0; item < sequences.n_items(); ++item)
		to_weight[item] = static_cast<float>(std::pow(
			static_cast<double>(std::max<std::size_t>(1, sequences.events_on(item).size())),
			-static_cast<double>(settings.to_power)));
	NeighbourCounts counted;
	counted.parts.assign(kTasks, Budgeted<Neighbour>(BudgetAllocator<Neighbour>(&request.budget)));
	counted.sizes.resize(kTasks);
	request.executor.run(kTasks, [&](std::size_t task) {
		RowCounter counter(request, sequences, settings, kernel, user_weight, to_weight);
		for (std::size_t item = first[task]; item < first[task + 1]; ++item) {
			const std::size_t before = counted.parts[task].size();
			counter.append_row(static_cast<std::uint32_t>(item), counted.parts[task]);
			counted.sizes[task].push_back(static_cast<std::uint32_t>(counted.parts[task].size() - before));
		}
		request.monitor.advance(first[task + 1] - first[task]);
	});
	return counted;
}

namespace {

class NeighbourExpertScorer final : public ExpertScorer {
public:
	NeighbourExpertScorer(NeighbourRows rows, const NeighbourSettings &settings)
		: rows_(rows), age_weight_(age_weights(settings)) {}
	void add(Past past, float weight, Dense out) const override { add_votes(rows_, age_weight_, past, weight, out); }

private:
	NeighbourRows rows_;
	std::vector<float> age_weight_;
};

/// 1 / log2(2 + rank) of the truth, 0 from rank kRanked on. `logit` holds the scores.
double gain(std::span<const float> logit, Past past, std::uint32_t truth) {
	const float score = logit[truth];
	if (!(score > 0))
		return 0;
	std::size_t rank = 0;
	for (const float other : logit)
		rank += other > score;
	std::vector<std::uint32_t> own;
	for (const Vote &vote : past)
		own.push_back(vote.item);
	std::sort(own.begin(), own.end());
	own.erase(std::unique(own.begin(), own.end()), own.end());
	for (const std::uint32_t item : own)
		rank -= logit[item] > score;
	return rank < kRanked ? 1.0 / std::log2(2.0 + static_cast<double>(rank)) : 0.0;
}

/// logit[item] += step * fraction for each entry. All but the addition itself is done four entries at a time. Meanwhile the
/// same part of the row that comes `next` is fetched: rows lie anywhere in the table, and waiting for them would cost as much
/// as adding them.
void add_row(std::span<const std::uint32_t> row, std::span<const std::uint32_t> next, std::uint32_t shift, float step,
			 float *logit) noexcept {
	typedef std::uint32_t UInt4 __attribute__((vector_size(16)));
	typedef std::int32_t Int4 __attribute__((vector_size(16)));
	typedef float Float4 __attribute__((vector_size(16)));
	constexpr std::size_t kLine = 16; // entries that come from memory at once
	const std::uint32_t mask = (1u << shift) - 1;
	std::size_t begin = 0;
	for (; begin + kLine <= row.size(); begin += kLine) {
		if (begin < next.size())
			__builtin_prefetch(&next[begin]);
#pragma GCC unroll 4
		for (std::size_t i = begin; i < begin + kLine; i += 4) {
			UInt4 entry;
			std::memcpy(&entry, &row[i], sizeof entry);
			// A fraction has at most 16 bits, so it is the same number with a sign, which is what converts fast.
			const Float4 share = step * __builtin_convertvector(reinterpret_cast<Int4>(entry >> shift), Float4);
#pragma GCC unroll 4
			for (std::size_t lane = 0; lane < 4; ++lane)
				logit[row[i + lane] & mask] += share[lane];
		}
	}
	for (std::size_t i = begin; i < row.size(); ++i)
		logit[row[i] & mask] += step * static_cast<float>(static_cast<std::int32_t>(row[i] >> shift));
}

} // namespace

void add_votes(const NeighbourRows &rows, std::span<const float> age_weight, Past past, float weight, Dense out) noexcept {
	const std::size_t n = std::min(past.size(), age_weight.size());
	bool all_marked = false;
	for (std::size_t i = 0; i < n; ++i) {
		const float step = weight * age_weight[past[i].age] * rows.scale[past[i].item];
		const std::span<const std::uint32_t> row = rows.row(past[i].item);
		if (!all_marked && row.size() >= out.n_blocks) {
			out.mark_all();
			all_marked = true;
		}
		if (!all_marked)
			for (const std::uint32_t entry : row)
				out.mark(entry & ((1u << rows.item_bits) - 1));
		add_row(row, rows.row(past[std::min(i + 1, n - 1)].item), rows.item_bits, step, out.logit);
	}
}

std::vector<float> age_weights(const NeighbourSettings &settings) {
	std::vector<float> weight(settings.max_history);
	for (std::size_t age = 0; age < weight.size(); ++age)
		weight[age] = static_cast<float>(std::pow(1.0 + static_cast<double>(age), -static_cast<double>(settings.age_power)));
	return weight;
}

NeighbourTable::NeighbourTable(const TrainRequest &request, const Sequences &sequences,
							   const NeighbourSettings &settings)
	: begin_(sequences.n_items() + 1, 0, BudgetAllocator<std::uint64_t>(&request.budget)),
	  entries_(BudgetAllocator<std::uint32_t>(&request.budget)),
	  scale_(sequences.n_items(), 0.0f, BudgetAllocator<float>(&request.budget)),
	  item_bits_(item_bits(sequences.n_items())) {
	NeighbourCounts counted = count_neighbours(request, sequences, settings);
	double sum = 0;
	std::size_t total = 0;
	for (const auto &part : counted.parts) {
		for (const Neighbour &n : part)
			sum += static_cast<double>(n.weight);
		total += part.size();
	}
	const double mean = total == 0 ? 1.0 : sum / static_cast<double>(total);
	const auto full = static_cast<float>(full_fraction(item_bits_));
	entries_.reserve(total);
	std::size_t item = 0;
	for (std::size_t task = 0; task < kTasks; ++task) {
		const Neighbour *n = counted.parts[task].data();
		for (const std::uint32_t size : counted.sizes[task]) {
			const auto value = [&](const Neighbour &x) {
				const double w = static_cast<double>(x.weight) / mean;
				return settings.smoothing > 0 ? std::log1p(w / static_cast<double>(settings.smoothing)) : w;
			};
			const double largest = size == 0 ? 0.0 : value(n[0]);
			scale_[item] = static_cast<float>(largest) / full;
			for (std::uint32_t i = 0; i < size; ++i) {
				const auto fraction = static_cast<std::uint32_t>(std::lround(value(n[i]) / largest * static_cast<double>(full)));
				if (fraction > 0)
					entries_.push_back(fraction << item_bits_ | n[i].item);
			}
			n += size;
			begin_[++item] = entries_.size();
		}
		counted.parts[task] = Budgeted<Neighbour>(BudgetAllocator<Neighbour>(&request.budget));
		request.stop.check();
	}
}

void NeighbourTable::write(std::string_view name, const NeighbourSettings &settings, artifact::Writer &writer) const {
	const std::string prefix(name);
	writer.add<std::uint64_t>(prefix + ".begin", begin_);
	writer.add<std::uint32_t>(prefix + ".entries", entries_);
	writer.add<float>(prefix + ".scale", scale_);
	writer.add<NeighbourSettings>(prefix + ".settings", std::span(&settings, 1));
}

namespace {

NeighbourRows read_rows(const artifact::View &view, const std::string &prefix, std::size_t n_items) {
	NeighbourRows rows;
	rows.begin = view.get<std::uint64_t>(prefix + ".begin", n_items + 1);
	rows.entries = view.get<std::uint32_t>(prefix + ".entries");
	rows.scale = view.get<float>(prefix + ".scale", n_items);
	rows.item_bits = item_bits(n_items);
	if (rows.begin[0] != 0 || rows.begin[n_items] != rows.entries.size() ||
		!std::is_sorted(rows.begin.begin(), rows.begin.end()))
		artifact::View::fail(prefix + ".begin", "does not ascend");
	const std::uint32_t mask = (1u << rows.item_bits) - 1;
	std::uint32_t highest = 0;
	for (const std::uint32_t entry : rows.entries)
		highest = std::max(highest, entry & mask);
	if (!rows.entries.empty() && highest >= n_items)
		artifact::View::fail(prefix + ".entries", "names an item that does not exist");
	return rows;
}

} // namespace

std::unique_ptr<ExpertScorer> open_neighbours(const artifact::View &view, std::string_view name, std::size_t n_items) {
	const std::string prefix(name);
	const NeighbourRows rows = read_rows(view, prefix, n_items);
	const NeighbourSettings settings = view.get<NeighbourSettings>(prefix + ".settings", 1)[0];
	if (settings.max_history == 0 || settings.max_history > kMaxPast)
		artifact::View::fail(prefix + ".settings", "has an impossible value");
	return std::make_unique<NeighbourExpertScorer>(rows, settings);
}

void update_neighbours(const artifact::View &old, std::string_view name, const UpdatedItems &items, const TrainRequest &request,
					   artifact::Writer &writer) {
	const std::string prefix(name);
	const NeighbourRows before = read_rows(old, prefix, items.old_size());
	const std::uint32_t bits = item_bits(items.size()), mask = (1u << before.item_bits) - 1;
	// More bits for items may leave fewer for weights: then they are rounded anew.
	const std::uint32_t full = full_fraction(bits), full_before = full_fraction(before.item_bits);
	Budgeted<std::uint64_t> begin(1, 0, BudgetAllocator<std::uint64_t>(&request.budget));
	Budgeted<std::uint32_t> entries{BudgetAllocator<std::uint32_t>(&request.budget)};
	Budgeted<float> scale(items.size(), 0.0f, BudgetAllocator<float>(&request.budget));
	begin.reserve(items.size() + 1);
	entries.reserve(before.entries.size());
	for (std::uint32_t item = 0; item < items.size(); ++item) {
		request.stop.check();
		if (const std::uint32_t was = items.from_old()[item]; was != data::kNone) {
			scale[item] = full == full_before ? before.scale[was]
											  : before.scale[was] * static_cast<float>(full_before) / static_cast<float>(full);
			for (const std::uint32_t entry : before.row(was)) {
				const std::uint64_t fraction =
					(std::uint64_t{entry >> before.item_bits} * full + full_before / 2) / full_before;
				if (fraction > 0)
					entries.push_back(static_cast<std::uint32_t>(fraction) << bits | items.to_new()[entry & mask]);
			}
		}
		begin.push_back(entries.size());
	}
	writer.add<std::uint64_t>(prefix + ".begin", begin);
	writer.add<std::uint32_t>(prefix + ".entries", entries);
	writer.add<float>(prefix + ".scale", scale);
	copy_section(old, prefix + ".settings", writer);
}

double foretelling(const TrainRequest &request, const NeighbourTable &table, const NeighbourSettings &settings,
				   const HeldOutCases &cases) {
	const std::span<const HeldOutCase> all = cases.cases();
	const std::vector<float> age_weight = age_weights(settings);
	std::vector<double> gains(all.size(), 0.0);
	request.executor.run((all.size() + kCasesPerTask - 1) / kCasesPerTask, [&](std::size_t task) {
		const std::size_t n_items = request.data.n_items();
		std::vector<float> logit(n_items);
		std::vector<std::uint32_t> dirty(n_items / Dense::kBlock + 1);
		PastBuffer past;
		for (std::size_t i = task * kCasesPerTask; i < std::min(all.size(), (task + 1) * kCasesPerTask); ++i) {
			if (all[i].early)
				continue;
			request.stop.check();
			past.read(cases.history(all[i]), n_items);
			std::fill(logit.begin(), logit.end(), 0.0f);
			add_votes(table.rows(), age_weight, past.past(), 1.0f, {logit.data(), dirty.data(), dirty.size()});
			gains[i] = gain(logit, past.past(), all[i].truth);
		}
	});
	const auto n = std::count_if(all.begin(), all.end(), [](const HeldOutCase &c) { return !c.early; });
	return n == 0 ? 0.0 : std::accumulate(gains.begin(), gains.end(), 0.0) / static_cast<double>(n);
}

double tune_neighbours(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases,
					   std::span<const NeighbourChoice> choices, NeighbourSettings &settings) {
	constexpr double kTrifle = 1.002; // a smaller gain is noise of the held-out users
	std::size_t candidates = 1;
	for (const NeighbourChoice &choice : choices)
		candidates += choice.values.size();
	request.monitor.phase("choosing settings", candidates * sequences.n_items());
	const auto judge = [&](const NeighbourSettings &s) {
		return foretelling(request, NeighbourTable(request, sequences, s), s, cases);
	};
	double best = judge(settings);
	for (const NeighbourChoice &choice : choices) {
		const NeighbourSettings from = settings;
		double best_here = best * kTrifle;
		for (const float value : choice.values) {
			NeighbourSettings candidate = from;
			choice.set(candidate, value);
			const double score = judge(candidate);
			if (score > best_here) {
				best_here = best = score;
				settings = candidate;
			}
		}
	}
	return best;
}

std::uint32_t neighbours_within_limit(std::size_t n_items, std::uint32_t most) noexcept {
	return static_cast<std::uint32_t>(
		std::clamp<std::size_t>(kMaxEntries / std::max<std::size_t>(n_items, 1), std::min(50u, most), most));
}

} // namespace recsys::recipe
