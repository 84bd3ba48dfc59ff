// Sorting 25 million rows in seconds: ids are numbered on arrival by hash, only the distinct ids are sorted by bytes,
// the rows are then put in their user's place by counting, and each user's few rows are sorted alone, many users in
// parallel. Rows wait in blocks that never move, so nothing is copied while they arrive, and memory peaks at two copies
// of 32 bytes a row. Nothing here depends on the order of arrival: every tie is broken by the bytes of the row itself.
#include "data/training_set.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include "data/interner.hpp"

namespace recsys::data {

namespace {

struct Row {
	std::int64_t time;
	std::uint32_t user, item, session; // arrival numbers; user and item become ranks when rows are placed
	float value;
	std::uint32_t context; // arrival number of the combination of values, then its rank; kNone = none
	std::uint16_t type;
};
static_assert(sizeof(Row) == 32);

constexpr std::size_t kBlockRows = 1 << 15;   // 1 MB
constexpr std::size_t kShardEvents = 1 << 15; // events sorted by one task
constexpr std::size_t kPollEvery = 1 << 15;   // comparisons or rows between two polls: less than 10 ms

template <class T> Budgeted<T> make(std::size_t n, MemoryBudget *budget) {
	return Budgeted<T>(n, T{}, BudgetAllocator<T>(budget));
}

/// Orders as the value does; absent first.
std::uint32_t value_key(float value) noexcept {
	if (std::isnan(value))
		return 0;
	const auto bits = std::bit_cast<std::uint32_t>(value);
	return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}

bool same_row(const Row &a, const Row &b) noexcept {
	return a.time == b.time && a.item == b.item && a.type == b.type && value_key(a.value) == value_key(b.value) &&
		   a.session == b.session && a.context == b.context;
}

/// (time, item, type, value, session, context) of one user's rows. Polls: one user may own all the rows.
struct RowOrder {
	const Interner &sessions;
	const StopToken &stop;
	std::size_t &countdown;
	bool operator()(const Row &a, const Row &b) const {
		if (--countdown == 0) {
			countdown = kPollEvery;
			stop.check();
		}
		if (a.time != b.time)
			return a.time < b.time;
		if (a.item != b.item)
			return a.item < b.item;
		if (a.type != b.type)
			return a.type < b.type;
		const std::uint32_t va = value_key(a.value), vb = value_key(b.value);
		if (va != vb)
			return va < vb;
		if (a.session == b.session)
			return a.context < b.context;
		if (a.session == kNone || b.session == kNone)
			return a.session == kNone;
		return sessions[a.session] < sessions[b.session];
	}
};

/// Users [first[s], first[s + 1]) make shard s. Depends on the data alone, never on the number of threads.
std::vector<std::uint32_t> shard_users(std::span<const std::uint64_t> offsets) {
	std::vector<std::uint32_t> first{0};
	const auto n = static_cast<std::uint32_t>(offsets.size() - 1);
	for (std::uint32_t user = 0; user < n; ++user)
		if (offsets[user + 1] - offsets[first.back()] >= kShardEvents)
			first.push_back(user + 1);
	if (first.back() != n)
		first.push_back(n);
	return first;
}

/// Session numbers of one user, from 0 in order of first appearance, so that they do not depend on the order of
/// arrival.
void renumber_sessions(std::span<Row> rows, std::unordered_map<std::uint32_t, std::uint32_t> &numbers) {
	numbers.clear();
	std::uint32_t last = kNone, last_number = kNone;
	for (Row &row : rows) {
		if (row.session == kNone)
			continue;
		if (row.session != last) {
			last = row.session;
			last_number = numbers.try_emplace(last, static_cast<std::uint32_t>(numbers.size())).first->second;
		}
		row.session = last_number;
	}
}

std::uint32_t find_id(std::span<const std::uint64_t> offsets, std::span<const char> bytes,
					  std::string_view id) noexcept {
	std::size_t low = 0, high = offsets.empty() ? 0 : offsets.size() - 1;
	const std::size_t n = high;
	const auto at = [&](std::size_t i) {
		return std::string_view(bytes.data() + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
	};
	while (low < high) {
		const std::size_t middle = low + (high - low) / 2;
		if (at(middle) < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && at(low) == id ? static_cast<std::uint32_t>(low) : kNone;
}

} // namespace

std::uint32_t IdDictionary::find(std::string_view id) const noexcept {
	return find_id(offsets_, bytes_, id);
}

struct TrainingSetBuilder::Impl {
	explicit Impl(MemoryBudget *b)
		: budget(b), users(b), items(b), sessions(b), described_users(b), contexts(b), has_row(BudgetAllocator<std::uint8_t>(b)),
		  created(BudgetAllocator<std::int64_t>(b)), item_table({}, b), user_table({}, b),
		  context_table({}, b), context_times(BudgetAllocator<std::uint32_t>(b)) {}

	std::uint16_t intern_type(std::string_view type);
	std::uint32_t intern_context(const FeatureRow *context);
	Budgeted<std::uint32_t> rank(const Interner &interner, IdDictionary &out, Executor &executor,
								 const StopToken &stop);
	std::vector<std::uint16_t> rank_types(std::vector<std::string> &out) const;
	Budgeted<Row> place_rows(std::span<const std::uint32_t> user_ranks, std::span<const std::uint32_t> item_ranks,
							 std::span<const std::uint16_t> type_ranks, std::span<const std::uint32_t> context_ranks,
							 std::span<const std::uint64_t> offsets, const StopToken &stop);
	void sort_users(std::span<Row> rows, TrainingSet &set, Executor &executor, const StopToken &stop);
	void describe_items(std::span<const std::uint32_t> item_ranks, TrainingSet &set, const StopToken &stop);
	Budgeted<std::uint32_t> rank_contexts(Executor &executor, const StopToken &stop) const;
	void learn_features(std::span<const std::uint32_t> item_ranks, std::span<const std::uint32_t> context_ranks, TrainingSet &set,
						Executor &executor, const StopToken &stop);

	static constexpr std::int64_t kNotCreated = std::numeric_limits<std::int64_t>::max();
	MemoryBudget *budget;
	Interner users, items, sessions, described_users, contexts;
	std::unordered_map<std::string, std::uint32_t> shown;
	std::map<std::string, std::uint16_t, std::less<>> types;
	std::uint16_t last_type = 0;
	std::string_view last_type_name; // of a node of `types`: stays valid
	std::vector<Budgeted<Row>> blocks;
	std::size_t n_rows = 0;
	Budgeted<std::uint8_t> has_row; // by arrival number of the item, as far as rows of items came
	Budgeted<std::int64_t> created; // the same; kNotCreated when the row has none
	FeatureTable item_table, user_table, context_table; // entities: arrival numbers of items, of described_users, of contexts
	Budgeted<std::uint32_t> context_times;				// how many rows came with each
	std::string context_key;
};

TrainingSetBuilder::TrainingSetBuilder(MemoryBudget *budget) : impl_(std::make_unique<Impl>(budget)) {}
TrainingSetBuilder::~TrainingSetBuilder() = default;

std::size_t TrainingSetBuilder::events() const noexcept {
	return impl_->n_rows;
}

std::uint16_t TrainingSetBuilder::Impl::intern_type(std::string_view type) {
	if (!types.empty() && type == last_type_name) // logs come in runs of one type
		return last_type;
	auto it = types.find(type);
	if (it == types.end()) {
		if (types.size() > std::numeric_limits<std::uint16_t>::max())
			throw Error(sqlstate::LimitExceeded, "too many different event types", "At most 65536 can be told apart.",
						"Check which column is mapped to event_type.");
		it = types.emplace(std::string(type), static_cast<std::uint16_t>(types.size())).first;
	}
	last_type_name = it->first;
	return last_type = it->second;
}

void TrainingSetBuilder::add_event(const EventRow &row) {
	// Values are kept in single precision; one that only overflows there is as useless as an infinite one.
	const auto value = static_cast<float>(row.value) + 0.0f; // -0 becomes 0
	if (std::isinf(value))
		throw Error(sqlstate::InvalidParameter, "event value must be finite",
					"The event of user \"" + std::string(row.user) + "\" with item \"" + std::string(row.item) +
						"\" has the value " + std::to_string(row.value) + ".");
	Impl &impl = *impl_;
	if (impl.n_rows == impl.blocks.size() * kBlockRows) {
		impl.blocks.emplace_back(BudgetAllocator<Row>(impl.budget));
		impl.blocks.back().reserve(kBlockRows);
	}
	impl.blocks.back().push_back({row.time, impl.users.intern(row.user), impl.items.intern(row.item),
								  row.session.empty() ? kNone : impl.sessions.intern(row.session), value,
								  impl.intern_context(row.context), impl.intern_type(row.type)});
	++impl.n_rows;
}

/// Combinations of values are few, events are many: each is told apart by its bytes and kept once.
std::uint32_t TrainingSetBuilder::Impl::intern_context(const FeatureRow *context) {
	if (context == nullptr || context->values().empty())
		return kNone;
	context_key.clear();
	for (const FeatureRow::Value &value : context->values()) {
		const std::uint32_t head[] = {value.column, static_cast<std::uint32_t>(value.text.size())};
		context_key.append(reinterpret_cast<const char *>(head), sizeof head);
		context_key.append(reinterpret_cast<const char *>(&value.number), sizeof value.number);
		context_key += value.text;
	}
	const std::uint32_t arrival = contexts.intern(context_key);
	if (arrival == context_times.size()) {
		context_times.push_back(0);
		context_table.add(arrival, *context);
	}
	++context_times[arrival];
	return arrival;
}

void TrainingSetBuilder::describe_context(std::vector<FeatureColumn> columns) {
	impl_->context_table = FeatureTable(std::move(columns), impl_->budget);
}

void TrainingSetBuilder::describe_items(std::vector<FeatureColumn> columns) {
	impl_->item_table = FeatureTable(std::move(columns), impl_->budget);
}

void TrainingSetBuilder::describe_users(std::vector<FeatureColumn> columns) {
	impl_->user_table = FeatureTable(std::move(columns), impl_->budget);
}

void TrainingSetBuilder::add_user(std::string_view id, const FeatureRow &metadata) {
	impl_->user_table.add(impl_->described_users.intern(id), metadata);
}

void TrainingSetBuilder::add_item(std::string_view id, std::optional<std::int64_t> created, const FeatureRow *metadata) {
	Impl &impl = *impl_;
	const std::uint32_t item = impl.items.intern(id);
	if (item >= impl.has_row.size()) {
		impl.has_row.resize(impl.items.size(), 0);
		impl.created.resize(impl.items.size(), Impl::kNotCreated);
	}
	impl.has_row[item] = 1;
	if (created)
		impl.created[item] = std::min(impl.created[item], *created);
	if (metadata != nullptr)
		impl.item_table.add(item, *metadata);
}

void TrainingSetBuilder::add_shown(std::string_view item) { ++impl_->shown[std::string(item)]; }

Budgeted<std::uint32_t> TrainingSetBuilder::Impl::rank(const Interner &interner, IdDictionary &out, Executor &executor,
													   const StopToken &stop) {
	const Budgeted<std::uint32_t> order = interner.sorted(executor, stop);
	out.offsets_ = make<std::uint64_t>(order.size() + 1, budget);
	out.bytes_ = Budgeted<char>(BudgetAllocator<char>(budget));
	out.bytes_.reserve(interner.total_bytes());
	auto ranks = make<std::uint32_t>(order.size(), budget);
	for (std::size_t i = 0; i < order.size(); ++i) {
		if (i % kPollEvery == 0)
			stop.check();
		const std::string_view id = interner[order[i]];
		out.bytes_.insert(out.bytes_.end(), id.begin(), id.end());
		out.offsets_[i + 1] = out.bytes_.size();
		ranks[order[i]] = static_cast<std::uint32_t>(i);
	}
	return ranks;
}

std::vector<std::uint16_t> TrainingSetBuilder::Impl::rank_types(std::vector<std::string> &out) const {
	std::vector<std::uint16_t> ranks(types.size());
	for (const auto &[name, arrival] : types) {
		ranks[arrival] = static_cast<std::uint16_t>(out.size());
		out.push_back(name);
	}
	return ranks;
}

Budgeted<Row> TrainingSetBuilder::Impl::place_rows(std::span<const std::uint32_t> user_ranks,
												   std::span<const std::uint32_t> item_ranks,
												   std::span<const std::uint16_t> type_ranks,
												   std::span<const std::uint32_t> context_ranks,
												   std::span<const std::uint64_t> offsets, const StopToken &stop) {
	Budgeted<std::uint64_t> next(offsets.begin(), offsets.end(), BudgetAllocator<std::uint64_t>(budget));
	auto placed = make<Row>(n_rows, budget);
	for (Budgeted<Row> &block : blocks) {
		stop.check();
		for (Row row : block) {
			row.user = user_ranks[row.user];
			row.item = item_ranks[row.item];
			row.type = type_ranks[row.type];
			if (row.context != kNone)
				row.context = context_ranks[row.context];
			placed[next[row.user]++] = row;
		}
		Budgeted<Row>(BudgetAllocator<Row>(budget)).swap(block);
	}
	return placed;
}

/// Sorts each user's rows, drops the repeated ones and writes the columns.
void TrainingSetBuilder::Impl::sort_users(std::span<Row> rows, TrainingSet &set, Executor &executor,
										  const StopToken &stop) {
	Budgeted<std::uint64_t> &offsets = set.user_offsets_;
	const std::size_t n_users = offsets.size() - 1;
	const std::vector<std::uint32_t> shards = shard_users(offsets);
	auto kept = make<std::uint64_t>(n_users + 1, budget);
	executor.run(shards.size() - 1, [&](std::size_t shard) {
		std::size_t countdown = kPollEvery;
		std::unordered_map<std::uint32_t, std::uint32_t> numbers;
		stop.check();
		const RowOrder order{sessions, stop, countdown};
		for (std::uint32_t user = shards[shard]; user < shards[shard + 1]; ++user) {
			const std::span<Row> own = rows.subspan(offsets[user], offsets[user + 1] - offsets[user]);
			std::sort(own.begin(), own.end(), order);
			kept[user + 1] = static_cast<std::uint64_t>(std::unique(own.begin(), own.end(), same_row) - own.begin());
			renumber_sessions(own.first(kept[user + 1]), numbers);
		}
	});
	for (std::size_t user = 0; user < n_users; ++user)
		kept[user + 1] += kept[user];
	const std::size_t n = kept[n_users];
	set.item_ = make<std::uint32_t>(n, budget);
	set.session_ = make<std::uint32_t>(n, budget);
	set.time_ = make<std::int64_t>(n, budget);
	set.type_ = make<std::uint16_t>(n, budget);
	set.value_ = make<float>(n, budget);
	const bool with_context = context_table.n_columns() != 0;
	set.context_ = make<std::uint32_t>(with_context ? n : 0, budget);
	executor.run(shards.size() - 1, [&](std::size_t shard) {
		stop.check();
		for (std::uint32_t user = shards[shard]; user < shards[shard + 1]; ++user) {
			std::size_t from = offsets[user];
			for (std::size_t to = kept[user]; to < kept[user + 1]; ++to, ++from) {
				const Row &row = rows[from];
				set.item_[to] = row.item;
				set.session_[to] = row.session;
				set.time_[to] = row.time;
				set.type_[to] = row.type;
				set.value_[to] = row.value;
				if (with_context)
					set.context_[to] = row.context;
			}
		}
	});
	offsets = std::move(kept);
}

void TrainingSetBuilder::Impl::describe_items(std::span<const std::uint32_t> item_ranks, TrainingSet &set,
											  const StopToken &stop) {
	auto oldest = make<std::int64_t>(items.size(), budget);
	std::fill(oldest.begin(), oldest.end(), kNotCreated);
	set.newest_time_ = set.time_.empty() ? 0 : std::numeric_limits<std::int64_t>::min();
	for (std::size_t i = 0; i < set.item_.size(); ++i) {
		if (i % kPollEvery == 0)
			stop.check();
		oldest[set.item_[i]] = std::min(oldest[set.item_[i]], set.time_[i]);
		set.newest_time_ = std::max(set.newest_time_, set.time_[i]);
	}
	set.item_has_row_ = make<std::uint8_t>(items.size(), budget);
	set.item_created_ = std::move(oldest);
	for (std::size_t arrival = 0; arrival < has_row.size(); ++arrival) {
		const std::uint32_t item = item_ranks[arrival];
		set.item_has_row_[item] = has_row[arrival];
		if (created[arrival] != kNotCreated)
			set.item_created_[item] = created[arrival];
	}
	std::replace(set.item_created_.begin(), set.item_created_.end(), kNotCreated, set.newest_time_);
	set.item_shown_ = make<std::uint32_t>(items.size(), budget);
	for (const auto &[id, count] : shown)
		if (const std::uint32_t item = set.items_.find(id); item != kNone)
			set.item_shown_[item] = count;
}

TrainingSet TrainingSetBuilder::finish(Executor &executor, const StopToken &stop) {
	MemoryBudget *budget = impl_->budget;
	const std::unique_ptr<Impl> impl = std::exchange(impl_, std::make_unique<Impl>(budget));
	TrainingSet set;
	const Budgeted<std::uint32_t> user_ranks = impl->rank(impl->users, set.users_, executor, stop);
	const Budgeted<std::uint32_t> item_ranks = impl->rank(impl->items, set.items_, executor, stop);
	const std::vector<std::uint16_t> type_ranks = impl->rank_types(set.event_types_);
	const Budgeted<std::uint32_t> context_ranks = impl->rank_contexts(executor, stop);
	set.user_offsets_ = make<std::uint64_t>(user_ranks.size() + 1, budget);
	for (const Budgeted<Row> &block : impl->blocks) {
		stop.check();
		for (const Row &row : block)
			++set.user_offsets_[user_ranks[row.user] + 1];
	}
	for (std::size_t user = 0; user < user_ranks.size(); ++user)
		set.user_offsets_[user + 1] += set.user_offsets_[user];
	{
		Budgeted<Row> rows = impl->place_rows(user_ranks, item_ranks, type_ranks, context_ranks, set.user_offsets_, stop);
		impl->sort_users(rows, set, executor, stop);
	}
	impl->describe_items(item_ranks, set, stop);
	impl->learn_features(item_ranks, context_ranks, set, executor, stop);
	return set;
}

Budgeted<std::uint32_t> TrainingSetBuilder::Impl::rank_contexts(Executor &executor, const StopToken &stop) const {
	auto ranks = make<std::uint32_t>(contexts.size(), budget);
	const Budgeted<std::uint32_t> order = contexts.sorted(executor, stop);
	for (std::uint32_t rank = 0; rank < order.size(); ++rank)
		ranks[order[rank]] = rank;
	return ranks;
}

void TrainingSetBuilder::Impl::learn_features(std::span<const std::uint32_t> item_ranks, std::span<const std::uint32_t> context_ranks,
											  TrainingSet &set, Executor &executor, const StopToken &stop) {
	auto user_ordinals = make<std::uint32_t>(described_users.size(), budget);
	SparsePoll poll(stop);
	for (std::uint32_t arrival = 0; arrival < user_ordinals.size(); ++arrival, poll())
		user_ordinals[arrival] = set.users_.find(described_users[arrival]);
	set.item_features_ = std::make_shared<LearnedFeatures>(item_table.learn(item_ranks, set.n_items(), executor, stop));
	auto times = make<std::uint32_t>(context_ranks.size(), budget);
	for (std::size_t arrival = 0; arrival < times.size(); ++arrival)
		times[context_ranks[arrival]] = context_times[arrival];
	set.context_features_ =
		std::make_shared<LearnedFeatures>(context_table.learn(context_ranks, times.size(), executor, stop, times));
	set.user_features_ = std::make_shared<LearnedFeatures>(user_table.learn(user_ordinals, set.n_users(), executor, stop));
}

} // namespace recsys::data
