// What a recipe is. The table in registry.cpp is the one source of truth: recsys.recipes, the validation of
// create_solution and the manual all read it. A new recipe is one file pair and one row.
//
// Training:  train(TrainingSet, Hyperparameters, …) -> artifact::Writer      (pure, deterministic, cancellable)
// Updating:  update(artifact::View, TrainingSet, …) -> artifact::Writer      (as pure; for recipes that have it)
// Serving:   open(artifact::View) -> Scorer                                  (immutable, shared by all requests)
//            scorer.score(Query, Scores&)                                    (dense logits over the model's items)
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "artifact/artifact.hpp"
#include "base/budget.hpp"
#include "base/executor.hpp"
#include "base/monitor.hpp"
#include "base/stop.hpp"
#include "recipe/action_set.hpp"
#include "data/training_set.hpp"
#include "recipe/explanation.hpp"
#include "recipe/situation.hpp"

namespace recsys::recipe {

enum class RecipeType { UserPersonalization, PersonalizedRanking, RelatedItems, PopularItems, PersonalizedActions, UserSegmentation };
const char *to_string(RecipeType type) noexcept; // "USER_PERSONALIZATION" …

enum class ParameterKind { Integer, Float, Boolean, Categorical };

/// A value of a categorical hyperparameter: its name, and the number that stands for it.
struct Category {
	std::string_view name;
	double value;
};

/// The value of a hyperparameter that the training finds from the data; written "automatic". It can be a default, and be given
/// where it is.
inline constexpr double kAutomatic = -1;

struct HyperparameterSpec {
	std::string_view name;
	ParameterKind kind;
	double default_value, minimum, maximum; // inclusive; booleans are 0 and 1
	bool tunable;							// may hyperparameter search move it
	std::string_view reason;				// what it does, one sentence, shown in recsys.recipes and the manual
	std::vector<Category> categories = {};	// of a categorical one
	std::string_view category(double value) const; // the name of a category's number
};

/// Values by name, complete (defaults filled in) and checked.
class Hyperparameters {
public:
	double operator[](std::string_view name) const; // throws std::out_of_range: a programming error
	void set(std::string_view name, double value) { values_.insert_or_assign(std::string(name), value); }
	const std::map<std::string, double, std::less<>> &values() const noexcept { return values_; }

private:
	std::map<std::string, double, std::less<>> values_;
};

struct TrainRequest {
	const data::TrainingSet &data;
	const Hyperparameters &hyperparameters;
	/// Per event type (index as data.event_types()): 1 = positive signal, -1 = negative (the item leaves the list, never a signal).
	std::span<const std::int8_t> type_sign;
	std::uint64_t seed;
	Executor &executor;
	StopToken stop;
	Monitor &monitor;
	MemoryBudget &budget;
	const ActionSet *actions = nullptr; // for recipes that need the dataset "actions"
};

/// One metric of get_solution_metrics, in the order of SPEC 5.2.
struct Metric {
	std::string name;
	double value;
	/// Of its 95 % confidence interval; NaN when none can be given.
	double low = std::numeric_limits<double>::quiet_NaN(), high = low;
};

/// What describe_solution_version shows of a blend.
struct Member {
	std::string name;
	double weight; // mean weight over history lengths; 0 = did not help beyond chance, and is not in the model
	double ndcg;   // of the member alone on the tuning half, NDCG@10
};

struct TrainResult {
	artifact::Writer model;
	std::vector<Metric> metrics;
	std::vector<Member> members; // empty for recipes of one part
};

/// One past event of the request's user, as ordinals of the model. Unknown items are left out by the caller.
struct Event {
	std::uint32_t item;
	std::int64_t time; // microseconds since 1970-01-01 UTC
	std::int8_t sign;  // 1 positive, -1 negative
	std::uint32_t session = data::kNone; // equal for neighbours = same session; kNone = not told
};

struct Query {
	std::span<const Event> history; // oldest first, at most max_history() newest
	std::uint32_t item = data::kNone; // the request's item, for related items
	/// hash64 of the user's id, for what a model keeps of its users; 0 = nobody, or somebody whose rows the caller may not all see.
	std::uint64_t user = 0;
	Situation situation = {};
};

/// Which rung of the ladder produced an item's score.
enum class Reason : std::uint8_t { Personal, Similar, Popular, Trending, New, Exploration };
const char *to_string(Reason reason) noexcept; // "personal" …

/// A request's dense answer; reused between requests, so nothing is allocated per item.
struct Scores {
	std::vector<float> logit;	// n_items; -infinity = must not be returned
	std::vector<Reason> reason; // n_items
	double log_normalizer = 0;	// log of the sum of exp(logit) over the catalogue; score = exp(logit - log_normalizer)
	std::vector<std::uint32_t> touched;
};

/// A model ready to answer. Thread-safe: all state of a request lives in Scores.
class Scorer {
public:
	virtual ~Scorer() = default;
	virtual std::size_t n_items() const noexcept = 0;
	/// Newest events of the user that can matter; 0 = the history is not looked at.
	virtual std::size_t max_history() const noexcept = 0;
	virtual void score(const Query &query, Scores &out) const = 0;
	/// Where score() reads lists that end after the best: scores what comes next, too, in `out` as score() left it. What was set
	/// to -infinity meanwhile stays so. False, and nothing done, where score() told all. For lists that reach behind their end.
	virtual bool extend(const Query &, Scores &) const { return false; }
	/// What an item's logit is made of; false where there is nothing to tell. Takes as long as a score for each event of the history.
	virtual bool explain(const Query &, std::uint32_t, const Poll &, Explanation &) const { return false; }
	/// Whether the sessions of the history matter.
	virtual bool reads_sessions() const noexcept { return false; }
	/// What makes a Situation of a request's context, and of the row of its user; null where it does not matter.
	virtual const data::FeatureEncoder *context_encoder() const noexcept { return nullptr; }
	virtual const data::FeatureEncoder *user_encoder() const noexcept { return nullptr; }
	/// Whether the time of the request matters.
	virtual bool reads_time() const noexcept { return false; }
};

/// Defaults of campaigns whose recipe explores (exploration.hpp).
inline constexpr double kExplorationWeight = 0.3;
inline constexpr int kExplorationCutOff = 30; // days

struct Capabilities {
	bool context, exploration, auto_update, scores, batch, real_time;
};

/// What a training costs, as measured (test/bench/library.cpp prints the measured beside the predicted). CPU time; a pair is
/// two items of one history, of which there are events × min(2.5 × mean history, history_limit): the factor is the spread
/// of history lengths that logs of people show.
struct CostModel {
	double fixed_seconds;
	double event_ns, user_ns, item_ns, pair_ns;
	double history_limit;						// items of a history that meet each other
	double score_ns;							// of one item for one user of the evaluation
	double parallel_share;						// of the CPU time, spread over the threads
	double event_bytes, user_bytes, item_bytes; // at the peak, the training set included
	/// Choosing settings costs so much a pair, of at most so many: more data are sampled.
	double tuning_pairs = 0, tuning_pair_ns = 0, tuning_pair_bytes = 0;
	/// Of a network: floating-point operations of its training, and bytes of an item's row with all that learning keeps of it.
	double (*operations)(std::size_t n_events, std::size_t n_items) = nullptr;
	double learnt_item_bytes = 0;
};

struct RecipeSpec {
	std::string_view name; // without the prefix "aws-"
	RecipeType type;
	std::string_view description;
	std::vector<std::string_view> required_datasets, optional_datasets; // "interactions", "items", "users" …
	std::vector<HyperparameterSpec> hyperparameters;
	Capabilities capabilities;
	bool needs_user, needs_item; // of a request
	TrainResult (*train)(const TrainRequest &);
	std::unique_ptr<Scorer> (*open)(const artifact::View &);
	CostModel cost;
	/// The model with what is new in the data, and what was learnt untouched (update.hpp); null where only training helps.
	artifact::Writer (*update)(const artifact::View &old, const TrainRequest &) = nullptr;
	/// The order of items comes from the counts of the newest events, taken at the request; the model is what it falls back on.
	bool trends = false;
	/// Of a use case of a domain, which create_recommender sets up: "ECOMMERCE" or "VIDEO_ON_DEMAND", and the type of the events
	/// that it learns from, in any case of letters; "" = all events. Its hyperparameters stand at their defaults.
	std::string_view domain = {}, event_type = {};
	/// A use case leaves out what the user has an event of this type on, in any case of letters; "" = nothing.
	std::string_view leaves_out = {};
};

/// All recipes, by name.
std::span<const RecipeSpec> recipes();
/// Accepts the name with and without "aws-"; null when there is none.
const RecipeSpec *find_recipe(std::string_view name) noexcept;
/// Defaults filled in. `given` maps names to JSON scalars in text form ("149", "0.5", "true", "True").
/// Errors: 22023 for an unrecognized name (the hint lists the names), a wrong type, or a value out of range.
Hyperparameters complete_hyperparameters(const RecipeSpec &recipe, const std::map<std::string, std::string> &given);

/// Sections every model has: "item.offsets"/"item.bytes" (ids), "item.flags" (bit 0: had a row in items at training),
/// "summary" (JSON text: recipe, n_users, n_items, n_events, newest_time, seed, instruction_set …).
inline constexpr std::uint8_t kItemHadRow = 1;
/// Bit 1: came by an update; the training did not know it.
inline constexpr std::uint8_t kItemAdded = 2;
void add_common_sections(artifact::Writer &writer, const TrainRequest &request);

/// What a training will need, before it runs: sorting the rows that were read, and the recipe's own work. Reading the rows
/// comes on top.
struct Estimate {
	double wall_seconds, cpu_seconds;
	std::size_t peak_bytes;
};
Estimate estimate_training(const RecipeSpec &recipe, std::size_t n_events, std::size_t n_users, std::size_t n_items,
						   std::size_t threads);

} // namespace recsys::recipe
