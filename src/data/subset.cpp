// A training set of some of the users of another, made by copying their events: ids and events are sorted already, and what was
// learned from the metadata is shared.
#include "data/training_set.hpp"

namespace recsys::data {

namespace {

constexpr std::size_t kPollEvery = 1 << 12; // users

template <class T> Budgeted<T> empty(MemoryBudget *budget) {
	return Budgeted<T>(BudgetAllocator<T>(budget));
}

template <class T> Budgeted<T> copy_of(const Budgeted<T> &from, MemoryBudget *budget) {
	return Budgeted<T>(from, BudgetAllocator<T>(budget));
}

// The rows of some users. The encoder lies in the memory of `all`, which the copy keeps alive.
std::shared_ptr<const LearnedFeatures> some_rows(const std::shared_ptr<const LearnedFeatures> &all,
												 std::span<const std::uint32_t> rows, MemoryBudget *budget) {
	auto some = std::make_unique<LearnedFeatures>();
	some->encoder = FeatureEncoder(all->encoder.columns(), all->encoder.parts());
	const Features &from = all->rows;
	Features &to = some->rows;
	if (from.rows() != 0) {
		to.dense = math::Matrix(rows.size(), from.dense.columns, budget);
		to.sparse.n_columns = from.sparse.n_columns;
		to.sparse.offsets = empty<std::uint64_t>(budget);
		to.sparse.index = empty<std::uint32_t>(budget);
		to.sparse.offsets.push_back(0);
		for (std::size_t r = 0; r < rows.size(); ++r) {
			const auto dense = from.dense.span(rows[r]);
			std::copy(dense.begin(), dense.end(), to.dense.row(r));
			const auto sparse = from.sparse.row(rows[r]);
			to.sparse.index.insert(to.sparse.index.end(), sparse.begin(), sparse.end());
			to.sparse.offsets.push_back(to.sparse.index.size());
			some->n_described += !sparse.empty();
		}
	}
	return {some.release(), [all](const LearnedFeatures *copy) { delete copy; }};
}

} // namespace

TrainingSet TrainingSet::of_users(std::span<const std::uint8_t> keep, MemoryBudget *budget, const StopToken &stop) const {
	TrainingSet set;
	set.items_.offsets_ = copy_of(items_.offsets_, budget);
	set.items_.bytes_ = copy_of(items_.bytes_, budget);
	set.event_types_ = event_types_;
	set.item_has_row_ = copy_of(item_has_row_, budget);
	set.item_created_ = copy_of(item_created_, budget);
	set.item_shown_ = copy_of(item_shown_, budget);
	set.newest_time_ = newest_time_;
	set.item_features_ = item_features_;
	set.context_features_ = context_features_; // whose rows events name
	set.users_.offsets_ = empty<std::uint64_t>(budget);
	set.users_.bytes_ = empty<char>(budget);
	set.user_offsets_ = empty<std::uint64_t>(budget);
	set.item_ = empty<std::uint32_t>(budget);
	set.session_ = empty<std::uint32_t>(budget);
	set.context_ = empty<std::uint32_t>(budget);
	set.time_ = empty<std::int64_t>(budget);
	set.type_ = empty<std::uint16_t>(budget);
	set.value_ = empty<float>(budget);
	set.users_.offsets_.push_back(0);
	set.user_offsets_.push_back(0);
	std::vector<std::uint32_t> kept;
	for (std::uint32_t user = 0; user < n_users(); ++user) {
		if (user % kPollEvery == 0)
			stop.check();
		if (keep[user] == 0)
			continue;
		kept.push_back(user);
		const std::string_view id = users_[user];
		set.users_.bytes_.insert(set.users_.bytes_.end(), id.begin(), id.end());
		set.users_.offsets_.push_back(set.users_.bytes_.size());
		const auto copy = [begin = user_begin(user), end = user_begin(user + 1)](const auto &from, auto &to) {
			to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(end));
		};
		copy(item_, set.item_);
		copy(session_, set.session_);
		if (!context_.empty())
			copy(context_, set.context_);
		copy(time_, set.time_);
		copy(type_, set.type_);
		copy(value_, set.value_);
		set.user_offsets_.push_back(set.item_.size());
	}
	set.user_features_ = some_rows(user_features_, kept, budget);
	return set;
}

} // namespace recsys::data
