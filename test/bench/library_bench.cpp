// Accuracy and speed of the library on public data, without a server:
//
//   RECSYS_DATA=… build/unit/library-bench [ml-1m] [gowalla] [diginetica] [shop]
//
// Trains user-personalization with its defaults, the same for all data, on two threads, and measures by the protocols of
// the literature: all items are ranked, never a sample. Each row with a goal says pass or FAIL, and the exit status is the
// number of failures. Data that are absent are skipped with a line.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/rng.hpp"
#include "math/top_k.hpp"
#include "recipe/user_personalization.hpp"
#include "unit/thread_executor.hpp"

namespace {

using namespace recsys;
using recipe::Event;

int failures = 0;

double now() {
	return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Of the thread or the process: tells the same on a busy machine.
double cpu_seconds(clockid_t clock) {
	std::timespec t{};
	clock_gettime(clock, &t);
	return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void row(const std::string &what, double value, double goal = NAN, bool less = false) {
	const bool judged = !std::isnan(goal), ok = less ? value <= goal : value >= goal;
	std::printf("%-46s %10.4f", what.c_str(), value);
	if (judged)
		std::printf("   goal %s %g: %s", less ? "<=" : ">=", goal, ok ? "pass" : "FAIL");
	std::printf("\n");
	std::fflush(stdout);
	failures += judged && !ok;
}

std::string data_path(const std::string &name) {
	const char *root = std::getenv("RECSYS_DATA");
	return std::string(root != nullptr ? root : "../shared/data") + "/" + name;
}

bool present(const std::string &name) {
	std::FILE *file = std::fopen(data_path(name).c_str(), "rb");
	if (file == nullptr) {
		std::printf("skipped: %s is not there (set RECSYS_DATA)\n", data_path(name).c_str());
		return false;
	}
	std::fclose(file);
	return true;
}

/// The fields of each line after the header. No quoting: none of the data needs it.
void read_csv(const std::string &name, const std::function<void(const std::vector<std::string> &)> &line) {
	const std::string path = data_path(name);
	const bool packed = path.ends_with(".gz");
	std::FILE *file = packed ? popen(("gzip -dc '" + path + "'").c_str(), "r") : std::fopen(path.c_str(), "r");
	if (file == nullptr)
		throw std::runtime_error("could not read " + path);
	char *text = nullptr;
	std::size_t capacity = 0;
	bool header = true;
	while (getline(&text, &capacity, file) >= 0) {
		if (!std::exchange(header, false)) {
			std::vector<std::string> fields(1);
			for (const char *c = text; *c != '\0' && *c != '\n' && *c != '\r'; ++c)
				if (*c == ',')
					fields.emplace_back();
				else
					fields.back() += *c;
			line(fields);
		}
	}
	std::free(text);
	packed ? pclose(file) : std::fclose(file);
}

/// "2000-04-27T22:44:01.001+00:00" to microseconds.
std::int64_t parse_time(const std::string &text) {
	std::tm t{};
	const char *rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &t);
	std::int64_t time = static_cast<std::int64_t>(timegm(&t)) * 1'000'000;
	if (rest != nullptr && *rest == '.')
		time += static_cast<std::int64_t>(std::strtod(rest, nullptr) * 1e6 + 0.5);
	return time;
}

struct Row {
	std::string user, item;
	std::int64_t time;
};

/// A trained model with its users' histories.
class Trained {
public:
	explicit Trained(const std::vector<Row> &rows, std::size_t threads = 2) {
		data::TrainingSetBuilder builder(&budget_);
		for (const Row &r : rows)
			builder.add_event({.user = r.user, .item = r.item, .type = {}, .time = r.time, .session = {}});
		test::ThreadExecutor executor(threads);
		const data::TrainingSet set = builder.finish(executor, {});
		recipe::Hyperparameters values;
		for (const auto &spec : recipe::blend_hyperparameters())
			values.set(spec.name, spec.default_value);
		const std::vector<std::int8_t> signs(set.event_types().size(), 1);
		Monitor monitor;
		const double start = now(), cpu_start = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
		recipe::TrainResult result = recipe::train_user_personalization(
			{set, values, signs, /* seed */ 1, executor, {}, monitor, budget_});
		seconds_ = now() - start;
		cpu_seconds_ = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
		bytes_ = result.model.finish();
		view_ = artifact::View(bytes_);
		scorer_ = recipe::open_user_personalization(view_);
		members_ = result.members;
		metrics_ = result.metrics;
		for (std::uint32_t user = 0; user < set.n_users(); ++user)
			for (std::size_t event = set.user_begin(user); event < set.user_begin(user + 1); ++event)
				histories_[std::string(set.users()[user])].push_back({set.item()[event], set.time()[event], 1});
		for (std::uint32_t item = 0; item < set.n_items(); ++item)
			items_.emplace(set.items()[item], item);
	}
	void report(const std::string &name, double most_seconds = NAN) const {
		row(name + ": training, seconds", seconds_, most_seconds, true);
		std::printf("  CPU %.1f s, model %.1f MB, peak of charged memory %.0f MB\n", cpu_seconds_, static_cast<double>(bytes_.size()) / 1e6,
					static_cast<double>(budget_.peak()) / 1e6);
		for (const recipe::Member &m : members_)
			std::printf("  member %-18s weight %8.4f   NDCG@10 of the tuning half %.4f\n", m.name.c_str(), m.weight, m.ndcg);
		for (const recipe::Metric &m : metrics_)
			std::printf("  %-48s %.4f\n", m.name.c_str(), m.value);
	}
	const recipe::Scorer &scorer() const { return *scorer_; }
	std::unique_ptr<recipe::Scorer> alone(const std::string &name) const { return recipe::open_expert_alone(view_, name); }
	const std::vector<recipe::Member> &members() const { return members_; }
	const std::unordered_map<std::string, std::vector<Event>> &histories() const { return histories_; }
	std::uint32_t item(const std::string &id) const {
		const auto found = items_.find(id);
		return found == items_.end() ? data::kNone : found->second;
	}

private:
	MemoryBudget budget_;
	Budgeted<std::byte> bytes_;
	artifact::View view_;
	std::unique_ptr<recipe::Scorer> scorer_;
	std::vector<recipe::Member> members_;
	std::vector<recipe::Metric> metrics_;
	std::unordered_map<std::string, std::vector<Event>> histories_;
	std::unordered_map<std::string, std::uint32_t> items_;
	double seconds_ = 0, cpu_seconds_ = 0;
};

std::span<const Event> newest(const recipe::Scorer &scorer, const std::vector<Event> &history) {
	return std::span<const Event>(history).last(std::min(history.size(), scorer.max_history()));
}

/// The best `n` items, without the history's own if asked for.
std::vector<std::uint32_t> top(const recipe::Scorer &scorer, const std::vector<Event> &history, std::size_t n,
							   bool without_own, recipe::Scores &scores) {
	scorer.score({.history = newest(scorer, history)}, scores);
	if (without_own)
		for (const Event &event : history)
			scores.logit[event.item] = -INFINITY;
	math::DescendingOrder order;
	order.reset(scores.logit);
	std::vector<std::uint32_t> items;
	for (const math::Scored &s : order.next(n))
		items.push_back(s.item);
	return items;
}

struct Question {
	std::vector<Event> history;
	std::set<std::uint32_t> truth; // kNone = an item that the model does not know
	std::size_t n_truth;
};
struct Figures {
	double ndcg = 0, recall = 0, hit = 0, mrr = 0;
};

Figures ask(const recipe::Scorer &scorer, const std::vector<Question> &questions, std::size_t k, bool without_own) {
	std::vector<Figures> each(questions.size());
	test::ThreadExecutor executor(2);
	executor.run((questions.size() + 255) / 256, [&](std::size_t task) {
		recipe::Scores scores;
		for (std::size_t q = task * 256; q < std::min(questions.size(), (task + 1) * 256); ++q) {
			const Question &question = questions[q];
			const std::vector<std::uint32_t> items = top(scorer, question.history, k, without_own, scores);
			double ideal = 0, gain = 0, hits = 0;
			for (std::size_t i = 0; i < std::min(k, question.n_truth); ++i)
				ideal += 1 / std::log2(2 + static_cast<double>(i));
			for (std::size_t i = 0; i < items.size(); ++i) {
				if (question.truth.count(items[i]) == 0)
					continue;
				gain += 1 / std::log2(2 + static_cast<double>(i));
				if (hits++ == 0)
					each[q].mrr = 1 / static_cast<double>(i + 1);
			}
			each[q].ndcg = gain / ideal;
			each[q].recall = hits / static_cast<double>(question.n_truth);
			each[q].hit = hits > 0;
		}
	});
	Figures mean;
	for (const Figures &f : each) {
		mean.ndcg += f.ndcg / static_cast<double>(each.size());
		mean.recall += f.recall / static_cast<double>(each.size());
		mean.hit += f.hit / static_cast<double>(each.size());
		mean.mrr += f.mrr / static_cast<double>(each.size());
	}
	return mean;
}

/// Microseconds of a score() on one core, over the questions that `take` accepts; the median of five rounds.
double microseconds(const recipe::Scorer &scorer, const std::vector<Question> &questions,
					const std::function<bool(const Question &)> &take) {
	std::vector<const Question *> chosen;
	for (const Question &q : questions)
		if (chosen.size() < 1000 && take(q))
			chosen.push_back(&q);
	recipe::Scores scores;
	std::vector<double> rounds;
	for (int round = 0; round < 5; ++round) {
		const double start = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
		for (const Question *q : chosen)
			scorer.score({.history = newest(scorer, q->history)}, scores);
		rounds.push_back((cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - start) * 1e6 / static_cast<double>(chosen.size()));
	}
	std::sort(rounds.begin(), rounds.end());
	return rounds[2];
}

void ml_1m() {
	if (!present("ml-1m/train.csv.gz"))
		return;
	std::vector<Row> rows;
	const auto read = [](const std::string &name, std::vector<Row> &out) {
		read_csv(name, [&](const auto &f) { out.push_back({f[0], f[1], parse_time(f[4])}); });
	};
	read("ml-1m/train.csv.gz", rows);
	std::vector<Row> valid, test;
	read("ml-1m/valid.csv", valid);
	read("ml-1m/test.csv", test);
	const Trained model(rows);
	model.report("ml-1m", 720);
	std::vector<Question> on_valid, on_test;
	std::map<std::string, Event> added;
	for (const Row &r : valid) {
		on_valid.push_back({model.histories().at(r.user), {model.item(r.item)}, 1});
		if (model.item(r.item) != data::kNone)
			added[r.user] = {model.item(r.item), r.time, 1};
	}
	for (const Row &r : test) {
		on_test.push_back({model.histories().at(r.user), {model.item(r.item)}, 1});
		if (added.contains(r.user))
			on_test.back().history.push_back(added[r.user]);
	}
	for (const recipe::Member &m : model.members()) {
		if (m.weight == 0)
			continue;
		const auto alone = model.alone(m.name);
		row("ml-1m: valid NDCG@10, " + m.name + " alone", ask(*alone, on_valid, 10, true).ndcg);
		row("ml-1m: test NDCG@10, " + m.name + " alone", ask(*alone, on_test, 10, true).ndcg);
	}
	const Figures v = ask(model.scorer(), on_valid, 10, true), t = ask(model.scorer(), on_test, 10, true);
	row("ml-1m: valid NDCG@10", v.ndcg);
	row("ml-1m: valid HR@10", v.hit);
	row("ml-1m: test NDCG@10", t.ndcg, 0.200);
	row("ml-1m: test HR@10", t.hit, 0.335);
	row("ml-1m: test NDCG@10, own items not excluded", ask(model.scorer(), on_test, 10, false).ndcg);
	row("ml-1m: us per score(), 100-200 events",
		microseconds(model.scorer(), on_test, [](const Question &q) { return q.history.size() >= 100 && q.history.size() <= 200; }),
		600, true);
}

void gowalla() {
	if (!present("gowalla/train.csv.gz"))
		return;
	std::vector<Row> rows;
	const auto read = [&](const auto &f) { rows.push_back({f[0], f[1], 0}); };
	read_csv("gowalla/train.csv.gz", read);
	read_csv("gowalla/valid.csv.gz", read);
	const Trained model(rows);
	model.report("gowalla", 300);
	std::map<std::string, Question> by_user;
	read_csv("gowalla/test.csv.gz", [&](const auto &f) {
		Question &q = by_user[f[0]];
		if (const auto known = model.histories().find(f[0]); known != model.histories().end() && q.truth.empty())
			q.history = known->second;
		q.truth.insert(model.item(f[1]));
		++q.n_truth;
	});
	std::vector<Question> questions;
	for (auto &[user, q] : by_user)
		questions.push_back(std::move(q));
	for (const recipe::Member &m : model.members())
		if (m.weight != 0)
			row("gowalla: R@20, " + m.name + " alone", ask(*model.alone(m.name), questions, 20, true).recall);
	const Figures f = ask(model.scorer(), questions, 20, true);
	row("gowalla: R@20", f.recall, 0.186);
	row("gowalla: N@20", f.ndcg, 0.156);
	row("gowalla: us per score()", microseconds(model.scorer(), questions, [](const Question &) { return true; }), 250, true);
}

void diginetica() {
	if (!present("diginetica/train.csv.gz"))
		return;
	std::vector<Row> rows;
	read_csv("diginetica/train.csv.gz", [&](const auto &f) { rows.push_back({f[0], f[1], parse_time(f[2])}); });
	const Trained model(rows);
	model.report("diginetica");
	std::vector<Question> questions;
	read_csv("diginetica/test_cases.csv.gz", [&](const auto &f) {
		Question q{{}, {model.item(f[1])}, 1};
		for (std::size_t begin = 0, end; begin < f[2].size(); begin = end + 1) {
			end = std::min(f[2].find(' ', begin), f[2].size());
			if (const std::uint32_t item = model.item(f[2].substr(begin, end - begin)); item != data::kNone)
				q.history.push_back({item, static_cast<std::int64_t>(begin), 1});
		}
		questions.push_back(std::move(q));
	});
	for (const recipe::Member &m : model.members())
		if (m.weight != 0)
			row("diginetica: HR@20, " + m.name + " alone", ask(*model.alone(m.name), questions, 20, false).hit);
	const Figures f = ask(model.scorer(), questions, 20, false);
	row("diginetica: HR@20", f.hit, 0.457);
	row("diginetica: MRR@20", f.mrr);
	row("diginetica: us per score()", microseconds(model.scorer(), questions, [](const Question &) { return true; }), 250, true);
}

/// Time and memory at size, on invented events: users draw from a few tastes, popular items more often.
void shop() {
	const char *size = std::getenv("SHOP_EVENTS");
	const std::size_t n_events = size != nullptr ? std::strtoull(size, nullptr, 10) : 25'000'000;
	const std::size_t n_items = 59'000, n_users = n_events / 154;
	std::vector<Row> rows;
	Rng rng(7);
	for (std::size_t user = 0; user < n_users; ++user) {
		const auto length = static_cast<std::size_t>(20 + 95 * std::exp(rng.normal() * 0.8));
		const double taste = rng.uniform();
		for (std::size_t i = 0; i < length; ++i) {
			const double place = std::fmod(taste + 0.05 * rng.normal() + 2, 1.0), depth = rng.uniform();
			const auto item = static_cast<std::size_t>(std::fmod(place * 59, 59.0)) + 59 * static_cast<std::size_t>(1000 * depth * depth * depth);
			rows.push_back({std::to_string(user), std::to_string(item % n_items), static_cast<std::int64_t>((user * 7919 % n_users) * 1000 + i) * 1'000'000});
		}
	}
	std::printf("shop: %zu events, %zu users\n", rows.size(), n_users);
	const Trained model(rows);
	model.report("shop", 600);
}

} // namespace

int main(int argc, char **argv) {
	const std::vector<std::string> asked(argv + 1, argv + argc);
	const auto wanted = [&](const char *name, bool unasked) {
		return asked.empty() ? unasked : std::find(asked.begin(), asked.end(), name) != asked.end();
	};
	if (wanted("ml-1m", true))
		ml_1m();
	if (wanted("gowalla", true))
		gowalla();
	if (wanted("diginetica", true))
		diginetica();
	if (wanted("shop", false))
		shop();
	return failures;
}
