#include "recipe/condition_counts.hpp"

#include <algorithm>
#include <cmath>

#include "recipe/evaluate.hpp"

namespace recsys::recipe {

namespace {

constexpr std::int64_t kHour = 3'600'000'000;
constexpr std::int64_t kHoursTogether = 3;
constexpr std::size_t kPerTask = 64; // conditions

std::int64_t floor_div(std::int64_t a, std::int64_t b) noexcept { return a / b - (a % b < 0); }

/// Whether events happen at different times of the day: data with dates alone, or with numbers for times, tell nothing.
bool hours_differ(const data::TrainingSet &set) noexcept {
	const auto hours = [](std::int64_t time) { return floor_div(time, kHoursTogether * kHour) % (24 / kHoursTogether); };
	const auto times = set.time();
	return std::any_of(times.begin(), times.end(), [&](std::int64_t time) { return hours(time) != hours(times.front()); });
}

template <class T> Budgeted<T> make(std::size_t n, MemoryBudget &budget) { return Budgeted<T>(n, T{}, BudgetAllocator<T>(&budget)); }

/// use(condition, item) for each positive event under each condition of the field.
template <class Use>
void each_event(const TrainRequest &request, const Sequences &sequences, ConditionKind kind, ConditionField field, Use &&use) {
	const data::TrainingSet &set = request.data;
	SparsePoll poll(request.stop);
	HourBuffer buffer;
	for (std::size_t user = 0; user < sequences.n_users(); ++user) {
		const std::uint32_t owner = sequences.set_user(user);
		for (std::size_t event = set.user_begin(owner); event < set.user_begin(owner + 1); ++event, poll()) {
			if (!is_positive(request, event))
				continue;
			for (const std::uint32_t condition : conditions_of(kind, situation_of(set, event, owner), buffer))
				if (condition >= field.begin && condition < field.end)
					use(condition - field.begin, set.item()[event]);
		}
	}
}

/// Sorts each condition's items and keeps each once, with its count; returns how many are left.
std::size_t count_items(std::span<std::uint32_t> items, std::span<std::uint32_t> counts) {
	std::sort(items.begin(), items.end());
	std::size_t kept = 0;
	for (std::size_t i = 0, end = 0; i < items.size(); i = end, ++kept) {
		while (end < items.size() && items[end] == items[i])
			++end;
		items[kept] = items[i];
		counts[kept] = static_cast<std::uint32_t>(end - i);
	}
	return kept;
}

} // namespace

std::vector<ConditionField> condition_fields(ConditionKind kind, const data::TrainingSet &set) {
	if (kind == ConditionKind::Hours)
		return hours_differ(set) ? std::vector<ConditionField>{{0, 8}, {8, kHourConditions}} : std::vector<ConditionField>{};
	std::vector<ConditionField> fields;
	const data::LearnedFeatures &learned = kind == ConditionKind::Context ? set.context_features() : set.user_features();
	for (const data::EncodedColumn &column : learned.encoder.columns())
		if (column.sparse_end - column.sparse_begin > 1) // what is always so tells nothing
			fields.push_back({column.sparse_begin, column.sparse_end});
	return fields;
}

std::span<const std::uint32_t> conditions_of(ConditionKind kind, const Situation &situation, HourBuffer &buffer) noexcept {
	if (kind == ConditionKind::Context)
		return situation.context;
	if (kind == ConditionKind::UserFeatures)
		return situation.user;
	if (situation.time == Situation::kNoTime)
		return {};
	const std::int64_t day = floor_div(situation.time, 24 * kHour);
	buffer[0] = static_cast<std::uint32_t>((situation.time - day * 24 * kHour) / (kHoursTogether * kHour));
	buffer[1] = static_cast<std::uint32_t>(8 + (day % 7 + 7) % 7);
	return buffer;
}

std::uint32_t ConditionCounts::Items::of(std::uint32_t wanted) const noexcept {
	const auto at = std::lower_bound(item.begin(), item.end(), wanted);
	return at == item.end() || *at != wanted ? 0 : count[static_cast<std::size_t>(at - item.begin())];
}

ConditionCounts::Items ConditionCounts::items(std::uint32_t condition) const noexcept {
	const std::size_t first = begin[condition - field.begin], n = begin[condition - field.begin + 1] - first;
	return {std::span<const std::uint32_t>(item).subspan(first, n), std::span<const std::uint32_t>(count).subspan(first, n)};
}

ConditionCounts count_conditions(const TrainRequest &request, const Sequences &sequences, ConditionKind kind, ConditionField field) {
	const std::size_t n = field.end - field.begin;
	ConditionCounts counts{field, make<std::uint64_t>(n + 1, request.budget), make<std::uint32_t>(0, request.budget),
						   make<std::uint32_t>(0, request.budget), make<std::uint32_t>(n, request.budget)};
	each_event(request, sequences, kind, field, [&](std::uint32_t condition, std::uint32_t) { ++counts.events[condition]; });
	auto place = make<std::uint64_t>(n + 1, request.budget);
	for (std::size_t c = 0; c < n; ++c)
		place[c + 1] = place[c] + counts.events[c];
	counts.item.resize(place[n]);
	counts.count.resize(place[n]);
	Budgeted<std::uint64_t> next(place);
	each_event(request, sequences, kind, field,
			   [&](std::uint32_t condition, std::uint32_t item) { counts.item[next[condition]++] = item; });
	request.executor.run((n + kPerTask - 1) / kPerTask, [&](std::size_t task) {
		for (std::size_t c = task * kPerTask; c < std::min(n, (task + 1) * kPerTask); ++c) {
			request.stop.check();
			const std::size_t first = place[c], size = place[c + 1] - first;
			next[c] = count_items(std::span(counts.item).subspan(first, size), std::span(counts.count).subspan(first, size));
		}
	});
	for (std::size_t c = 0; c < n; ++c) {
		const auto from = static_cast<std::ptrdiff_t>(place[c]), to = static_cast<std::ptrdiff_t>(counts.begin[c]),
				   size = static_cast<std::ptrdiff_t>(next[c]);
		std::copy_n(counts.item.begin() + from, size, counts.item.begin() + to);
		std::copy_n(counts.count.begin() + from, size, counts.count.begin() + to);
		counts.begin[c + 1] = static_cast<std::uint64_t>(to + size);
	}
	return counts;
}

double shrunken_lift(double counted, double expected, double doubt) noexcept {
	return std::log((counted + doubt) / (expected + doubt));
}

} // namespace recsys::recipe
