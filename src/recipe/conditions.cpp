#include "recipe/conditions.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "recipe/feature_sections.hpp"
#include "recipe/tune_conditions.hpp"

namespace recsys::recipe {

namespace {

constexpr double kLeastLift = 0.02;		 // after weighing: less changes no list
constexpr std::size_t kMostItems = 1024; // of a condition: those that move the most probability
constexpr std::size_t kPerTask = 16, kBatch = 1024; // conditions

/// Begins the names of the sections.
std::string prefix_of(ConditionKind kind) {
	switch (kind) {
	case ConditionKind::Context:
		return "context";
	case ConditionKind::UserFeatures:
		return "users";
	case ConditionKind::Hours:
		break;
	}
	return "hours";
}

struct Lift {
	std::uint32_t item;
	float lift;
};
using Lifts = std::vector<Lift>;

class ConditionScorer final : public ExpertScorer {
public:
	ConditionScorer(ConditionKind kind, data::FeatureEncoder encoder, std::span<const std::uint64_t> begin,
					std::span<const std::uint32_t> items, std::span<const float> lifts)
		: kind_(kind), encoder_(std::move(encoder)), begin_(begin), items_(items), lifts_(lifts) {}

	void add(Past, float, Dense) const override {} // the past tells nothing of circumstances
	void score(const Asked &asked, float weight, Dense out) const override {
		HourBuffer buffer;
		for (const std::uint32_t condition : conditions_of(kind_, asked.situation, buffer)) {
			if (condition + 1 >= begin_.size())
				continue;
			for (std::uint64_t i = begin_[condition]; i < begin_[condition + 1]; ++i)
				out.add(items_[i], weight * lifts_[i]);
		}
	}
	const data::FeatureEncoder *context_encoder() const noexcept override {
		return kind_ == ConditionKind::Context ? &encoder_ : nullptr;
	}
	const data::FeatureEncoder *user_encoder() const noexcept override {
		return kind_ == ConditionKind::UserFeatures ? &encoder_ : nullptr;
	}
	bool reads_time() const noexcept override { return kind_ == ConditionKind::Hours; }

private:
	ConditionKind kind_;
	data::FeatureEncoder encoder_; // none for hours
	std::span<const std::uint64_t> begin_;
	std::span<const std::uint32_t> items_;
	std::span<const float> lifts_;
};

/// The lifts that are worth keeping. `popular`: all items, the most popular first.
class LiftFinder {
public:
	LiftFinder(const Sequences &sequences) : sequences_(sequences), popular_(sequences.n_items()) {
		std::iota(popular_.begin(), popular_.end(), 0u);
		std::stable_sort(popular_.begin(), popular_.end(), [&](std::uint32_t a, std::uint32_t b) {
			return sequences.events_on(a).size() > sequences.events_on(b).size();
		});
	}

	Lifts find(const ConditionCounts &counts, std::uint32_t condition, const Conditions::Field &field) const {
		struct Candidate {
			double moves;
			Lift lift;
		};
		std::vector<Candidate> found;
		const auto take = [&](std::uint32_t item, double counted, double expected) {
			const double lift = field.weight * shrunken_lift(counted, expected, field.doubt);
			if (std::abs(lift) >= kLeastLift)
				found.push_back({std::abs(lift) * std::max(counted, expected), {item, static_cast<float>(lift)}});
		};
		const ConditionCounts::Items items = counts.items(condition);
		const double total = counts.total(condition) / static_cast<double>(sequences_.n_events());
		const auto expected = [&](std::uint32_t item) { return total * static_cast<double>(sequences_.events_on(item).size()); };
		for (std::size_t i = 0; i < items.item.size(); ++i)
			take(items.item[i], items.count[i], expected(items.item[i]));
		// What is popular but never chosen here tells as much; the rest of the catalogue was not expected either.
		for (const std::uint32_t item : popular_) {
			if (field.weight * std::log1p(expected(item) / field.doubt) < kLeastLift)
				break;
			if (items.of(item) == 0)
				take(item, 0, expected(item));
		}
		const auto by_moves = [](const Candidate &a, const Candidate &b) {
			return a.moves != b.moves ? a.moves > b.moves : a.lift.item < b.lift.item;
		};
		if (found.size() > kMostItems) {
			std::nth_element(found.begin(), found.begin() + kMostItems, found.end(), by_moves);
			found.resize(kMostItems);
		}
		Lifts lifts;
		for (const Candidate &candidate : found)
			lifts.push_back(candidate.lift);
		std::sort(lifts.begin(), lifts.end(), [](const Lift &a, const Lift &b) { return a.item < b.item; });
		return lifts;
	}

private:
	const Sequences &sequences_;
	std::vector<std::uint32_t> popular_;
};

/// The sections under construction.
struct Table {
	explicit Table(MemoryBudget &budget)
		: begin(1, 0, BudgetAllocator<std::uint64_t>(&budget)), items(BudgetAllocator<std::uint32_t>(&budget)),
		  lifts(BudgetAllocator<float>(&budget)) {}
	void skip_to(std::uint32_t condition) { begin.resize(condition + 1, begin.back()); }
	void add(const Lifts &of_condition) {
		for (const Lift &lift : of_condition) {
			items.push_back(lift.item);
			lifts.push_back(lift.lift);
		}
		begin.push_back(items.size());
	}
	void write(const std::string &prefix, artifact::Writer &writer) const {
		writer.add<std::uint64_t>(prefix + ".begin", begin);
		writer.add<std::uint32_t>(prefix + ".items", items);
		writer.add<float>(prefix + ".lifts", lifts);
	}
	Budgeted<std::uint64_t> begin;
	Budgeted<std::uint32_t> items;
	Budgeted<float> lifts;
};

} // namespace

std::string_view Conditions::name() const noexcept {
	switch (kind_) {
	case ConditionKind::Context:
		return "context";
	case ConditionKind::UserFeatures:
		return "user_features";
	case ConditionKind::Hours:
		break;
	}
	return "hour_and_weekday";
}

void Conditions::tune(const TrainRequest &request, const Sequences &sequences, const HeldOutCases &cases) {
	fields_ = tune_conditions(request, sequences, cases, kind_);
}

void Conditions::fit(const TrainRequest &request, const Sequences &sequences, const HeldOutCases *, artifact::Writer &writer) {
	request.monitor.phase("counting under circumstances", fields_.size());
	Table table(request.budget);
	if (sequences.n_events() > 0) {
		const LiftFinder finder(sequences);
		for (const Field &field : fields_) {
			const ConditionCounts counts = count_conditions(request, sequences, kind_, field.ordinals);
			table.skip_to(field.ordinals.begin);
			for (std::uint32_t first = field.ordinals.begin; first < field.ordinals.end; first += kBatch) {
				std::vector<Lifts> batch(std::min<std::size_t>(kBatch, field.ordinals.end - first));
				request.executor.run((batch.size() + kPerTask - 1) / kPerTask, [&](std::size_t task) {
					for (std::size_t c = task * kPerTask; c < std::min(batch.size(), (task + 1) * kPerTask); ++c) {
						request.stop.check();
						batch[c] = finder.find(counts, first + static_cast<std::uint32_t>(c), field);
					}
				});
				for (const Lifts &lifts : batch)
					table.add(lifts);
			}
			request.monitor.advance();
		}
	}
	table.write(prefix_of(kind_), writer);
	if (kind_ != ConditionKind::Hours)
		write_features(writer, prefix_of(kind_),
					   (kind_ == ConditionKind::Context ? request.data.context_features() : request.data.user_features()).encoder);
}

void Conditions::update(const artifact::View &old, const UpdatedItems &items, const TrainRequest &request, artifact::Writer &writer) const {
	const std::string prefix = prefix_of(kind_);
	const auto before = old.get<std::uint32_t>(prefix + ".items");
	Budgeted<std::uint32_t> moved(before.size(), 0, BudgetAllocator<std::uint32_t>(&request.budget));
	for (std::size_t i = 0; i < before.size(); ++i) {
		if (before[i] >= items.old_size())
			artifact::View::fail(prefix + ".items", "names an item that does not exist");
		moved[i] = items.to_new()[before[i]];
	}
	copy_section(old, prefix + ".begin", writer);
	writer.add<std::uint32_t>(prefix + ".items", moved);
	copy_section(old, prefix + ".lifts", writer);
	if (kind_ != ConditionKind::Hours)
		copy_features(old, prefix, writer);
}

std::unique_ptr<ExpertScorer> Conditions::open(const artifact::View &view, std::size_t n_items) const {
	const std::string prefix = prefix_of(kind_);
	const auto begin = view.get<std::uint64_t>(prefix + ".begin");
	const auto items = view.get<std::uint32_t>(prefix + ".items");
	const auto lifts = view.get<float>(prefix + ".lifts", items.size());
	if (begin.empty() || begin.front() != 0 || begin.back() != items.size() || !std::is_sorted(begin.begin(), begin.end()))
		artifact::View::fail(prefix + ".begin", "does not fit the items");
	if (!std::all_of(items.begin(), items.end(), [&](std::uint32_t item) { return item < n_items; }))
		artifact::View::fail(prefix + ".items", "names an item that does not exist");
	if (!std::all_of(lifts.begin(), lifts.end(), [](float x) { return std::isfinite(x); }))
		artifact::View::fail(prefix + ".lifts", "has a value that is not finite");
	data::FeatureEncoder encoder;
	if (kind_ != ConditionKind::Hours)
		encoder = open_features(view, prefix);
	return std::make_unique<ConditionScorer>(kind_, std::move(encoder), begin, items, lifts);
}

} // namespace recsys::recipe
