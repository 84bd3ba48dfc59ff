// One training from rows to a stored model, in three steps that need different things:
//
//   read      a transaction with one snapshot, as the user whose rights count
//   compute   no transaction; threads that never touch PostgreSQL
//   save      a transaction that may write the extension's tables
//
// A background worker uses one transaction for reading and one for saving, so that a long computation holds back
// neither VACUUM nor DDL; wait => true does all three in the caller's transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/budget.hpp"
#include "base/monitor.hpp"
#include "train/spec.hpp"

#include "store/action_reader.hpp"

#include "stats/progress.hpp"

namespace recsys::train {

/// What a training took so far.
struct Cost {
	double wall_seconds = 0, cpu_seconds = 0; // CPU: the sum over all threads
	std::int64_t peak_memory = 0;             // bytes charged to the run's budget
};

class Run {
public:
	/// `stop` is asked every few milliseconds, on the main thread.
	/// With `base`, the newest model of that version is updated instead of training another.
	Run(Spec spec, stats::Progress &progress, std::function<bool()> stop, std::optional<std::int64_t> base = std::nullopt);

	/// Errors: those of store::read_training_rows; RS004 when the base has no model; Cancelled.
	void read(const catalog::Group &group);
	/// Checks the preconditions and trains. Errors: those of train/preconditions.hpp and of the recipe; Cancelled.
	void compute();
	/// Stores the model as a revision of the version; returns its number.
	int save(std::int64_t version_id);

	Cost cost() const;
	Json metrics() const;      // [{"metric", "value"}], in order
	Json members() const;      // [{"member", "weight", "ndcg"}], null for recipes of one part
	Json data_summary() const; // what was read, what was used
	Json data_mark() const;    // see train/data_mark.hpp
	Json tuning() const { return tuning_; } // what a search found, see train/tuning.hpp; null without one
	const Spec &spec() const { return spec_; } // with the recipe and the settings that the search has chosen
	std::string content_hash() const;
	std::size_t added_items() const; // that the base did not have; 0 without a base

private:
	void check_stop() const;
	void read_base();
	void tune(const recipe::TrainRequest &request);

	Spec spec_;
	stats::Progress &progress_;
	std::function<bool()> stop_;
	std::int64_t began_us_;
	double cpu_before_;
	MemoryBudget budget_; // outlives everything charged to it
	Monitor monitor_;
	std::optional<std::int64_t> base_;
	Budgeted<std::byte> base_model_;
	store::ReadCounts counts_;
	std::optional<data::TrainingSetBuilder> rows_;
	std::optional<store::ActionRows> action_rows_; // for recipes of actions
	std::vector<std::int8_t> type_sign_;
	Json used_; // counts of the TrainingSet
	Json tuning_;
	std::optional<recipe::TrainResult> result_;
};

} // namespace recsys::train
