// Reads what next-best-action learns from besides the interactions: actions, what users answered to them, and what is known of
// both, as the current user. Of fields the categorical and numeric ones are read; answers stored under an alias are the user's.
#pragma once

#include "recipe/action_set.hpp"

#include <cstdint>

#include "catalog/catalog.hpp"
#include "store/blocks.hpp"

namespace recsys::store {

class ActionRows {
public:
	/// Reads under the active snapshot, but for the fields that are named to be excluded. Errors: RS001 without an actions
	/// dataset; 22008 for an infinite timestamp.
	ActionRows(const catalog::Group &group, const std::vector<std::string> &excluded_actions,
			   const std::vector<std::string> &excluded_users, MemoryBudget *budget, const BlockHook &before_block);
	/// Sorts; the object is empty afterwards. Touches no PostgreSQL: for any thread.
	recipe::ActionSet finish(Executor &executor, const StopToken &stop);

	std::uint64_t actions() const noexcept { return n_actions_; }
	std::uint64_t answers() const noexcept { return n_answers_; }
	/// Without user, action, timestamp or event type; only mapped sources have such rows.
	std::uint64_t incomplete() const noexcept { return n_incomplete_; }

private:
	void read_actions(const catalog::Group &group, const BlockHook &before_block);
	void read_answers(const catalog::Group &group, const catalog::Dataset &answers, const BlockHook &before_block);
	void read_users(const catalog::Group &group, const BlockHook &before_block);

	data::TrainingSetBuilder log_;
	std::vector<recipe::AttributeColumn> action_columns_, user_columns_;
	recipe::AttributeTable actions_, users_;
	std::uint64_t n_actions_ = 0, n_answers_ = 0, n_users_ = 0, n_incomplete_ = 0;
};

/// The trained columns of a dataset, in order, without those that are excluded; and the list that selects them from a relation `r`, as text or float8.
std::vector<recipe::AttributeColumn> attribute_columns(const std::optional<catalog::Dataset> &dataset,
													   const std::vector<std::string> &excluded = {});
std::string attribute_list(const std::vector<recipe::AttributeColumn> &columns);
/// The values of those columns in a row, handed to `category(column, text)` or `number(column, float8)`; nulls are left out.
template <class Category, class Number>
void read_attributes(const std::vector<recipe::AttributeColumn> &columns, const Datum *values, const bool *nulls, Category &&category,
					 Number &&number) {
	for (std::size_t c = 0; c < columns.size(); ++c) {
		if (nulls[c])
			continue;
		if (columns[c].categorical)
			category(c, pg::text_view(values[c]));
		else
			number(c, DatumGetFloat8(values[c]));
	}
}

} // namespace recsys::store
