// Time and memory of the library without a server: rows in memory to a TrainingSet, then each recipe, with what
// estimate_training predicts beside it. One JSON object a line.
//
//   library FILE.csv[.gz] [threads = 2] [recipe[:name=value…] …]
//
// The file's header names the columns: user_id, item_id and, if any, timestamp (seconds or ISO 8601), event_type,
// event_value, session_id. The file is read before the clock starts.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "recipe/recipe.hpp"
#include "unit/thread_executor.hpp"

using namespace recsys;

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
	return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
	rusage usage{};
	getrusage(RUSAGE_SELF, &usage);
	return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		   1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

std::string read_all(const std::string &path) {
	const std::string command = (path.ends_with(".gz") ? "zcat '" : "cat '") + path + "'";
	std::string text;
	FILE *pipe = popen(command.c_str(), "r");
	if (pipe == nullptr)
		return text;
	std::vector<char> block(1 << 20);
	for (std::size_t n; (n = fread(block.data(), 1, block.size(), pipe)) > 0;)
		text.append(block.data(), n);
	pclose(pipe);
	return text;
}

std::int64_t parse_time(std::string_view text) {
	if (text.find('-') == std::string_view::npos || text.size() < 19)
		return std::strtoll(std::string(text).c_str(), nullptr, 10) * 1000000;
	std::tm tm{};
	if (strptime(std::string(text.substr(0, 19)).c_str(), "%Y-%m-%dT%H:%M:%S", &tm) == nullptr)
		return 0;
	return static_cast<std::int64_t>(timegm(&tm)) * 1000000;
}

struct Table {
	std::string text;
	std::vector<data::EventRow> rows;
};

std::vector<std::string_view> split(std::string_view line) {
	std::vector<std::string_view> fields;
	for (std::size_t begin = 0; begin <= line.size();) {
		const std::size_t end = std::min(line.find(',', begin), line.size());
		fields.push_back(line.substr(begin, end - begin));
		begin = end + 1;
	}
	return fields;
}

void parse(Table &table) {
	std::map<std::string_view, std::size_t> column;
	std::string_view rest = table.text;
	while (!rest.empty()) {
		const std::size_t end = std::min(rest.find('\n'), rest.size());
		const std::vector<std::string_view> fields = split(rest.substr(0, end));
		rest.remove_prefix(std::min(end + 1, rest.size()));
		if (column.empty()) {
			for (std::size_t i = 0; i < fields.size(); ++i)
				column[fields[i]] = i;
			continue;
		}
		const auto field = [&](const char *name) {
			const auto it = column.find(name);
			return it == column.end() || it->second >= fields.size() ? std::string_view{} : fields[it->second];
		};
		data::EventRow row;
		row.user = field("user_id");
		row.item = field("item_id");
		row.type = field("event_type");
		row.session = field("session_id");
		if (const std::string_view value = field("event_value"); !value.empty())
			row.value = std::strtod(std::string(value).c_str(), nullptr);
		row.time = parse_time(field("timestamp"));
		table.rows.push_back(row);
	}
}

std::map<std::string, std::string> settings(std::string_view text) {
	std::map<std::string, std::string> given;
	while (!text.empty()) {
		const std::string_view one = text.substr(0, text.find(':'));
		text.remove_prefix(std::min(one.size() + 1, text.size()));
		given[std::string(one.substr(0, one.find('=')))] = one.substr(one.find('=') + 1);
	}
	return given;
}

void train(const std::string &what, const data::TrainingSet &set, double build_wall, double build_cpu,
		   Executor &executor, const MemoryBudget &of_set) {
	const std::string name = what.substr(0, what.find(':'));
	const recipe::RecipeSpec *recipe = recipe::find_recipe(name);
	if (recipe == nullptr) {
		std::fprintf(stderr, "no recipe \"%s\"\n", name.c_str());
		std::exit(1);
	}
	const auto parameters = recipe::complete_hyperparameters(
		*recipe, settings(std::string_view(what).substr(std::min(name.size() + 1, what.size()))));
	Monitor monitor;
	MemoryBudget budget; // this recipe's own peak, on top of the rows
	budget.charge(of_set.used());
	const auto start = Clock::now();
	const double cpu = cpu_seconds();
	const recipe::TrainResult result = recipe->train({set, parameters, {}, 1, executor, {}, monitor, budget});
	const double wall = since(start), used = cpu_seconds() - cpu;
	const recipe::Estimate estimate =
		recipe::estimate_training(*recipe, set.n_events(), set.n_users(), set.n_items(), executor.threads());
	std::printf(
		"{\"what\": \"%s\", \"train_seconds\": %.3f, \"wall_seconds\": %.3f, \"predicted_wall\": %.3f, "
		"\"cpu_seconds\": %.3f, \"predicted_cpu\": %.3f, \"peak_mb\": %zu, \"predicted_mb\": %zu, \"model_mb\": %.1f",
		what.c_str(), wall, wall + build_wall, estimate.wall_seconds, used + build_cpu, estimate.cpu_seconds,
		std::max(of_set.peak(), budget.peak()) >> 20, estimate.peak_bytes >> 20, static_cast<double>(result.model.size()) / (1 << 20));
	for (const recipe::Metric &metric : result.metrics)
		std::printf(", \"%s\": %.4f", metric.name.c_str(), metric.value);
	std::printf("}\n");
	std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
	if (argc < 2) {
		std::fprintf(stderr, "usage: library FILE.csv[.gz] [threads] [recipe[:name=value...] ...]\n");
		return 1;
	}
	Table table{read_all(argv[1]), {}};
	parse(table);
	test::ThreadExecutor executor(argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : 2);
	MemoryBudget budget;
	const double cpu = cpu_seconds();
	const auto start = Clock::now();
	data::TrainingSetBuilder builder(&budget);
	for (const data::EventRow &row : table.rows)
		builder.add_event(row);
	const double add_wall = since(start);
	const data::TrainingSet set = builder.finish(executor, {});
	const double wall = since(start), used = cpu_seconds() - cpu;
	std::printf("{\"what\": \"training set\", \"rows\": %zu, \"events\": %zu, \"users\": %zu, \"items\": %zu, "
				"\"add_seconds\": %.3f, \"wall_seconds\": %.3f, \"cpu_seconds\": %.3f, \"peak_mb\": %zu}\n",
				table.rows.size(), set.n_events(), set.n_users(), set.n_items(), add_wall, wall, used,
				budget.peak() >> 20);
	std::fflush(stdout);
	std::vector<std::string> what(argv + std::min(argc, 3), argv + argc);
	if (what.empty())
		for (const recipe::RecipeSpec &recipe : recipe::recipes())
			what.emplace_back(recipe.name);
	for (const std::string &one : what)
		train(one, set, wall, used, executor, budget);
}
