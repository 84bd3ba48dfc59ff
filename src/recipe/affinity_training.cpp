// Training of item-affinity and item-attribute-affinity: the powers of the formula are found from the data, then judged.
//
// Each user's oldest 80 % are taken for a log, and questions are asked of it to which the newest 20 % know the answer: who
// interacted with this item, or with an item of this attribute. Half of the questions choose the settings, the other half gives the
// metrics. Both halves are samples: a question looks at the whole log, and its share of right answers in the first 1 % of the users
// is what is looked for.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/hash.hpp"
#include "base/rng.hpp"
#include "math/top_k.hpp"
#include "recipe/evaluate.hpp"
#include "recipe/user_affinity.hpp"

namespace recsys::recipe {

namespace {

constexpr std::size_t kTruthPercent = 20;
constexpr std::size_t kListLength = 25;		 // of the lists that count for the coverage
constexpr double kTuningEvents = 2e6;		 // more are sampled by user
constexpr double kTuningVisits = 1.5e10, kJudgingVisits = 1e10; // entries looked at: about as many nanoseconds
constexpr std::size_t kMaxQuestions = 2000;	 // more only narrow an error of the mean that is below 1 %
constexpr double kTrifle = 2e-3;			 // of the recall; less is chance, as the questions are a sample
constexpr AffinitySettings kStart{.own = -1, .backward = 0.25f, .activity_power = 0.25f, .age_power = 0.6f, .user_power = 0.3f, .item_power = 0.85f};

/// One setting and the values it may take, in the order in which they are tried.
struct Choice {
	float AffinitySettings::*setting;
	std::vector<float> values;
};
const std::vector<Choice> kChoices{{&AffinitySettings::own, {-1, 0, 0.03f, 0.1f, 0.3f, 1}},
								   {&AffinitySettings::backward, {0.1f, 0.25f, 0.5f, 1}},
								   {&AffinitySettings::activity_power, {0, 0.1f, 0.25f, 0.4f, 0.6f, 0.8f, 1}},
								   {&AffinitySettings::age_power, {0, 0.2f, 0.4f, 0.5f, 0.6f, 0.8f, 1}},
								   {&AffinitySettings::item_power, {0.5f, 0.7f, 0.8f, 0.9f, 1}},
								   {&AffinitySettings::user_power, {0, 0.3f, 0.6f, 1}},
								   {&AffinitySettings::activity_power, {0, 0.1f, 0.25f, 0.4f, 0.6f, 0.8f, 1}}};

/// A log of its own: part of the users, or part of their events.
struct OwnHistories {
	Budgeted<std::uint64_t> offsets;
	Budgeted<std::uint32_t> entries;
	std::size_t n_items;

	OwnHistories(std::size_t items, MemoryBudget *budget)
		: offsets(1, 0, BudgetAllocator<std::uint64_t>(budget)), entries(BudgetAllocator<std::uint32_t>(budget)), n_items(items) {}
	Histories view() const noexcept { return {offsets, entries, n_items}; }
};

/// Adds a user by events, oldest first.
class HistoryBuilder {
public:
	HistoryBuilder(const TrainRequest &request, OwnHistories &out)
		: request_(request), out_(out), last_user_(request.data.n_items(), data::kNone) {}
	template <class Events> void add(const Events &oldest_first) {
		const auto user = static_cast<std::uint32_t>(out_.offsets.size() - 1);
		const auto time = request_.data.time();
		std::uint32_t newer = data::kNone; // the event behind the newest entry
		for (auto event = oldest_first.rbegin(); event != oldest_first.rend(); ++event) {
			const std::uint32_t item = request_.data.item()[*event];
			if (!is_positive(request_, *event) || last_user_[item] == user)
				continue;
			last_user_[item] = user;
			const bool as_new = newer != data::kNone && time[newer] == time[*event];
			out_.entries.push_back(item | (as_new ? Histories::kAsNew : 0));
			newer = static_cast<std::uint32_t>(*event);
		}
		out_.offsets.push_back(out_.entries.size());
	}

private:
	const TrainRequest &request_;
	OwnHistories &out_;
	std::vector<std::uint32_t> last_user_; // of each item
};

/// Everybody, everything.
OwnHistories all_histories(const TrainRequest &request) {
	const data::TrainingSet &set = request.data;
	OwnHistories out(set.n_items(), &request.budget);
	HistoryBuilder builder(request, out);
	std::vector<std::uint32_t> events;
	SparsePoll poll(request.stop, 1024);
	for (std::uint32_t user = 0; user < set.n_users(); ++user, poll()) {
		events.resize(set.user_begin(user + 1) - set.user_begin(user));
		std::iota(events.begin(), events.end(), static_cast<std::uint32_t>(set.user_begin(user)));
		builder.add(events);
	}
	return out;
}

/// The older events of some users, and who interacted with each item afterwards.
struct Exam {
	OwnHistories log;
	math::Csr later; // items × users of the log, ascending
};

Exam make_exam(const TrainRequest &request, double share_of_users) {
	const data::TrainingSet &set = request.data;
	MemoryBudget *budget = &request.budget;
	OwnHistories log(set.n_items(), budget);
	HistoryBuilder builder(request, log);
	math::Csr later{set.n_items(), Budgeted<std::uint64_t>(1, 0, BudgetAllocator<std::uint64_t>(budget)),
					Budgeted<std::uint32_t>(BudgetAllocator<std::uint32_t>(budget))};
	SparsePoll poll(request.stop, 256);
	std::vector<std::uint32_t> items;
	for (std::uint32_t user = 0; user < set.n_users(); ++user, poll()) {
		const std::uint64_t draw = mix64(hash64(set.users()[user], request.seed));
		if (static_cast<double>(draw >> 11) * 0x1.0p-53 >= share_of_users)
			continue;
		const data::HeldOut cut = data::hold_out(set, user, request.seed, kTruthPercent);
		builder.add(cut.input_events);
		items.clear();
		for (const std::uint32_t event : cut.truth_events)
			if (is_positive(request, event))
				items.push_back(set.item()[event]);
		std::sort(items.begin(), items.end());
		items.erase(std::unique(items.begin(), items.end()), items.end());
		later.index.insert(later.index.end(), items.begin(), items.end());
		later.offsets.push_back(later.index.size());
	}
	return {std::move(log), math::transpose(later, budget, request.stop)};
}

/// What is asked for, by number: every item alone, or the items of every attribute.
class Subjects {
public:
	static Subjects items(std::size_t n) {
		Subjects out;
		out.n_ = n;
		return out;
	}
	static Subjects attributes(const TrainRequest &request) {
		Subjects out;
		if (request.data.item_features().rows.sparse.n_columns == 0)
			return out;
		out.items_ = math::transpose(request.data.item_features().rows.sparse, &request.budget, request.stop);
		out.n_ = out.items_.rows();
		return out;
	}
	std::size_t size() const noexcept { return n_; }
	std::vector<std::uint32_t> items_of(std::uint32_t subject) const {
		if (items_.rows() == 0)
			return {subject};
		const auto row = items_.row(subject);
		return {row.begin(), row.end()};
	}

private:
	std::size_t n_ = 0;
	math::Csr items_; // attributes × items; empty: the items themselves
};

struct Question {
	std::vector<std::uint32_t> items, users; // what is asked for; who is right, ascending
};

/// Those of which the exam knows an answer, in an order that the seed decides.
std::vector<Question> make_questions(const TrainRequest &request, const Subjects &subjects, const Exam &exam) {
	std::vector<std::uint32_t> order(subjects.size());
	std::iota(order.begin(), order.end(), 0u);
	std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
		const std::uint64_t x = mix64(request.seed ^ mix64(a)), y = mix64(request.seed ^ mix64(b));
		return x != y ? x < y : a < b;
	});
	std::vector<Question> out;
	for (const std::uint32_t subject : order) {
		request.stop.check();
		Question q{subjects.items_of(subject), {}};
		for (const std::uint32_t item : q.items)
			q.users.insert(q.users.end(), exam.later.row(item).begin(), exam.later.row(item).end());
		std::sort(q.users.begin(), q.users.end());
		q.users.erase(std::unique(q.users.begin(), q.users.end()), q.users.end());
		if (!q.users.empty())
			out.push_back(std::move(q));
		if (out.size() == 2 * kMaxQuestions)
			break;
	}
	return out;
}

struct Marks {
	double hits = 0, recall = 0; // in the first 1 % of the users, mean over questions
	std::size_t n_listed = 0;	 // users who are in any of the lists
};

/// How well `answer(question, scores)` finds who is right.
template <class Answer>
Marks mark(const TrainRequest &request, const Histories &log, std::span<const Question> questions, Answer &&answer) {
	const std::size_t first = std::max<std::size_t>(1, log.n_users() / 100);
	std::vector<std::size_t> hits(questions.size(), 0);
	std::vector<std::vector<std::uint32_t>> lists(questions.size());
	request.executor.run(questions.size(), [&](std::size_t i) {
		request.stop.check();
		std::vector<float> scores;
		answer(questions[i], scores);
		math::TopK best;
		best.reset(std::max(first, kListLength));
		for (std::uint32_t u = 0; u < scores.size(); ++u)
			best.push({u, scores[u]});
		const std::span<const math::Scored> sorted = best.sorted();
		for (std::size_t k = 0; k < sorted.size(); ++k) {
			if (k < first)
				hits[i] += std::binary_search(questions[i].users.begin(), questions[i].users.end(), sorted[k].item) ? 1 : 0;
			if (k < kListLength)
				lists[i].push_back(sorted[k].item);
		}
		request.monitor.advance();
	});
	Marks out;
	std::vector<std::uint8_t> listed(log.n_users(), 0);
	for (std::size_t i = 0; i < questions.size(); ++i) {
		const auto n = static_cast<double>(questions.size());
		out.hits += static_cast<double>(hits[i]) / n;
		out.recall += static_cast<double>(hits[i]) / static_cast<double>(std::min(first, questions[i].users.size())) / n;
		for (const std::uint32_t u : lists[i])
			out.n_listed += std::exchange(listed[u], std::uint8_t{1}) == 0 ? 1 : 0;
	}
	return out;
}

Marks mark_settings(const TrainRequest &request, const Histories &log, std::span<const Question> questions,
					const AffinitySettings &settings) {
	const std::vector<float> totals = affinity_totals(log, settings);
	const Affinity affinity(log, settings, totals);
	return mark(request, log, questions, [&](const Question &q, std::vector<float> &scores) {
		affinity.score(q.items, scores, [&] { request.stop.check(); });
	});
}

std::span<const Question> at_most(std::span<const Question> questions, double visits, const Histories &log) {
	const double each = 2 * static_cast<double>(log.entries.size() + log.n_users());
	const auto n = static_cast<std::size_t>(std::max(20.0, visits / std::max(1.0, each)));
	return questions.first(std::min({questions.size(), n, kMaxQuestions}));
}

AffinitySettings tune(const TrainRequest &request, const Histories &log, std::span<const Question> questions) {
	AffinitySettings best = kStart;
	if (questions.empty())
		return best;
	std::size_t tries = 0;
	for (const Choice &choice : kChoices)
		tries += choice.values.size();
	questions = at_most(questions, kTuningVisits / static_cast<double>(tries), log);
	request.monitor.phase("choosing settings", questions.size() * tries);
	double reached = mark_settings(request, log, questions, best).recall;
	for (const Choice &choice : kChoices)
		for (const float value : choice.values) {
			AffinitySettings settings = best;
			if (std::exchange(settings.*choice.setting, value) == value)
				continue;
			const double recall = mark_settings(request, log, questions, settings).recall;
			if (recall > reached + kTrifle) {
				reached = recall;
				best = settings;
			}
		}
	return best;
}

/// Beside the recall stands that of the simplest answer, which is the same for every question: the most active users.
std::vector<Metric> judge(const TrainRequest &request, const Histories &log, std::span<const Question> questions,
						  const AffinitySettings &settings) {
	if (questions.empty())
		return {};
	questions = at_most(questions, kJudgingVisits, log);
	request.monitor.phase("evaluating", 2 * questions.size());
	const Marks marks = mark_settings(request, log, questions, settings);
	const Marks active = mark(request, log, questions, [&](const Question &, std::vector<float> &scores) {
		scores.resize(log.n_users());
		for (std::size_t u = 0; u < scores.size(); ++u)
			scores[u] = static_cast<float>(log.user(u).size());
	});
	return {{"coverage", static_cast<double>(marks.n_listed) / static_cast<double>(log.n_users())},
			{"hits_at_1_percent", marks.hits},
			{"recall_at_1_percent", marks.recall},
			{"recall_at_1_percent_of_most_active", active.recall}};
}

TrainResult train(const TrainRequest &request, const char *recipe, const Subjects &subjects) {
	const double n_events = std::max(1.0, static_cast<double>(request.data.n_events()));
	request.monitor.phase("cutting histories", 0);
	AffinitySettings settings;
	std::vector<Metric> metrics;
	{
		const Exam small = make_exam(request, std::min(1.0, kTuningEvents / n_events));
		const std::vector<Question> questions = make_questions(request, subjects, small);
		const std::size_t half = (questions.size() + 1) / 2;
		settings = tune(request, small.log.view(), std::span(questions).subspan(half));
		if (kTuningEvents >= n_events)
			metrics = judge(request, small.log.view(), std::span(questions).first(half), settings);
	}
	if (kTuningEvents < n_events) {
		const Exam exam = make_exam(request, 1);
		const std::vector<Question> questions = make_questions(request, subjects, exam);
		metrics = judge(request, exam.log.view(), questions, settings);
	}
	request.monitor.phase("collecting histories", 0);
	const OwnHistories log = all_histories(request);
	artifact::Writer writer(recipe, &request.budget);
	add_common_sections(writer, request);
	writer.add<std::uint64_t>("user.offsets", request.data.users().offsets());
	writer.add<char>("user.bytes", request.data.users().bytes());
	writer.add<std::uint64_t>("history.offsets", log.offsets);
	writer.add<std::uint32_t>("history.items", log.entries);
	writer.add<float>("affinity.totals", affinity_totals(log.view(), settings));
	const float values[] = {settings.own,       settings.backward,   settings.activity_power,
							settings.age_power, settings.user_power, settings.item_power};
	writer.add<float>("affinity.settings", values);
	return {std::move(writer), std::move(metrics), {}};
}

} // namespace

std::vector<HyperparameterSpec> affinity_hyperparameters() {
	return {{"hidden_dimension", ParameterKind::Integer, 149, 32, 256, false,
			 "Taken so that settings made for the service need no change. It has no effect: affinities are counted from all histories, "
			 "not squeezed into hidden units."}};
}

TrainResult train_item_affinity(const TrainRequest &request) {
	return train(request, "item-affinity", Subjects::items(request.data.n_items()));
}

TrainResult train_item_attribute_affinity(const TrainRequest &request) {
	const Subjects attributes = Subjects::attributes(request);
	if (attributes.size() == 0)
		throw Error(sqlstate::WrongState, "items dataset has no categorical or numeric field with values", {},
					"Add one with recsys.update_dataset, or use recipe \"item-affinity\", which needs none.");
	return train(request, "item-attribute-affinity", attributes);
}

} // namespace recsys::recipe
