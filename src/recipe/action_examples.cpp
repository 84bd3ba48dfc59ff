#include "recipe/action_examples.hpp"

#include <algorithm>
#include <map>

#include "base/rng.hpp"

namespace recsys::recipe {

namespace {

constexpr double kRecentDays = 42;
constexpr std::uint32_t kEnough = 50;
constexpr std::uint64_t kMoments = 3;

double days_between(std::int64_t from, std::int64_t to) noexcept {
	return (static_cast<double>(to) - static_cast<double>(from)) / kMicrosPerDay;
}

/// A user's answers in the order in which they can have happened: at one time, seeing comes before deciding.
std::vector<ActionResponse> answers_of(const data::TrainingSet &log, std::span<const std::optional<Response>> responses,
									   std::uint32_t user) {
	std::vector<ActionResponse> answers;
	for (std::size_t e = log.user_begin(user); e < log.user_begin(user + 1); ++e)
		if (const auto response = responses[log.type()[e]])
			answers.push_back({log.item()[e], *response, log.time()[e]});
	std::stable_sort(answers.begin(), answers.end(), [](const ActionResponse &a, const ActionResponse &b) {
		return a.time != b.time ? a.time < b.time : a.response < b.response;
	});
	return answers;
}

/// One user's prompts, action by action.
class Prompts {
public:
	Prompts(std::vector<ActionExample> &out, double period_days, std::int64_t newest)
		: out_(out), period_(period_days), newest_(newest) {}

	void add(std::uint32_t user, std::uint32_t visitor, const ActionResponse &answer) {
		Open &open = open_[answer.action];
		const bool answers_a_view = open.viewed && answer.response != Response::Viewed &&
									days_between(out_[open.examples.back()].time, answer.time) <= period_;
		if (!answers_a_view) {
			open.examples.push_back(out_.size());
			const double follow_up = std::min(period_, days_between(answer.time, newest_));
			out_.push_back({user, visitor, answer.action, answer.time, static_cast<float>(follow_up), 0});
		}
		open.viewed = answer.response == Response::Viewed;
		if (answer.response != Response::Taken)
			return;
		// Those before `undecided` are decided: taken already, or too old for this answer and all later ones.
		for (; open.undecided < open.examples.size(); ++open.undecided) {
			ActionExample &example = out_[open.examples[open.undecided]];
			example.taken = days_between(example.time, answer.time) <= period_ ? 1 : 0;
		}
	}
	void next_user() { open_.clear(); }

private:
	struct Open {
		std::vector<std::size_t> examples;
		std::size_t undecided = 0;
		bool viewed = false; // and not answered yet
	};
	std::vector<ActionExample> &out_;
	double period_;
	std::int64_t newest_;
	std::map<std::uint32_t, Open> open_;
};

/// Users of both logs, each once.
struct Person {
	std::uint32_t user, visitor;
};
std::vector<Person> people(const data::IdDictionary &users, const data::IdDictionary &visitors) {
	std::vector<Person> out;
	std::uint32_t u = 0, v = 0;
	while (u < users.size() || v < visitors.size()) {
		const bool user = v == visitors.size() || (u < users.size() && users[u] <= visitors[v]);
		const bool visitor = u == users.size() || (v < visitors.size() && visitors[v] <= users[u]);
		out.push_back({user ? u : data::kNone, visitor ? v : data::kNone});
		u += user;
		v += visitor;
	}
	return out;
}

bool began_before(const data::TrainingSet &set, std::uint32_t user, std::int64_t time) {
	return user != data::kNone && set.user_begin(user) < set.user_begin(user + 1) && set.time()[set.user_begin(user)] < time;
}

} // namespace

std::vector<std::optional<Response>> responses_of(const data::TrainingSet &log) {
	std::vector<std::optional<Response>> out;
	for (const std::string &type : log.event_types())
		out.push_back(parse_response(type));
	return out;
}

std::vector<std::uint8_t> scored_actions(const data::TrainingSet &log) {
	const auto responses = responses_of(log);
	std::vector<std::uint32_t> taken(log.n_items(), 0), otherwise(log.n_items(), 0);
	for (std::size_t e = 0; e < log.n_events(); ++e)
		if (const auto response = responses[log.type()[e]];
			response && days_between(log.time()[e], log.newest_time()) <= kRecentDays)
			++(*response == Response::Taken ? taken : otherwise)[log.item()[e]];
	std::vector<std::uint8_t> scored(log.n_items());
	for (std::size_t action = 0; action < scored.size(); ++action)
		scored[action] = taken[action] >= kEnough && otherwise[action] >= kEnough ? 1 : 0;
	return scored;
}

std::vector<ActionExample> prompted_examples(const TrainRequest &request, double period_days, std::size_t limit) {
	const data::TrainingSet &log = request.actions->log;
	const auto responses = responses_of(log);
	std::vector<ActionExample> examples;
	Prompts prompts(examples, period_days, log.newest_time());
	for (std::uint32_t user = 0; user < log.n_users(); ++user) {
		request.stop.check();
		const std::uint32_t visitor = request.data.users().find(log.users()[user]);
		for (const ActionResponse &answer : answers_of(log, responses, user))
			prompts.add(user, visitor, answer);
		prompts.next_user();
	}
	if (examples.size() > limit) {
		std::stable_sort(examples.begin(), examples.end(),
						 [](const ActionExample &a, const ActionExample &b) { return a.time > b.time; });
		examples.resize(limit);
	}
	return examples;
}

std::vector<ActionExample> unprompted_examples(const TrainRequest &request, std::span<const std::uint8_t> scored,
											   double period_days, std::size_t limit) {
	const data::TrainingSet &log = request.actions->log;
	const auto responses = responses_of(log);
	const std::vector<Person> everybody = people(log.users(), request.data.users());
	std::vector<std::uint32_t> actions;
	for (std::uint32_t action = 0; action < scored.size(); ++action)
		if (scored[action] != 0)
			actions.push_back(action);
	const std::uint64_t all = everybody.size() * actions.size() * kMoments;
	std::vector<ActionExample> examples;
	for (std::uint64_t i = 0; i < std::min<std::uint64_t>(all, limit); ++i) {
		if (i % 4096 == 0)
			request.stop.check();
		const std::uint64_t drawn = all <= limit ? i : Rng(request.seed, i).below(all);
		const Person person = everybody[drawn / kMoments / actions.size()];
		const std::uint32_t action = actions[drawn / kMoments % actions.size()];
		const auto back = static_cast<std::int64_t>(static_cast<double>(drawn % kMoments + 1) * period_days * kMicrosPerDay);
		const std::int64_t time = log.newest_time() - back;
		// Who was not there yet says nothing of those who are.
		if (!began_before(log, person.user, time) && !began_before(request.data, person.visitor, time))
			continue;
		ActionExample example{person.user, person.visitor, action, time, static_cast<float>(period_days), 0};
		if (person.user != data::kNone)
			for (std::size_t e = log.user_begin(person.user); e < log.user_begin(person.user + 1); ++e)
				if (log.item()[e] == action && responses[log.type()[e]] == Response::Taken && log.time()[e] > time &&
					days_between(time, log.time()[e]) <= period_days)
					example.taken = 1;
		examples.push_back(example);
	}
	return examples;
}

} // namespace recsys::recipe
