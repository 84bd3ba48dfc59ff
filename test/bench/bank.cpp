// The accuracy of recipe/propensity on a bank's calls: will the client say yes? Five stratified folds, seed 0; the settings are
// found on the training part of each fold by the product itself. Called by bank.sh:
//
//   build/unit/bank-bench bank.csv [THREADS]     prints "name value" lines: means over the folds
//
// The first column is the row's number and the last the answer; a column whose values are all numbers is numeric.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>
#include <string>

#include "base/rng.hpp"
#include "recipe/propensity.hpp"
#include "unit/thread_executor.hpp"

using namespace recsys;
using namespace recsys::recipe;

namespace {

constexpr std::size_t kOuter = 5;

struct Table {
	std::vector<std::vector<std::string>> rows;
	std::vector<std::uint8_t> label;
	std::size_t n_features() const { return rows.front().size() - 2; }
	const std::string &value(std::size_t row, std::size_t feature) const { return rows[row][feature + 1]; }
};

Table read(const char *path) {
	std::ifstream in(path);
	Table table;
	std::string line, field;
	std::getline(in, line);
	while (std::getline(in, line)) {
		std::stringstream fields(line);
		std::vector<std::string> &row = table.rows.emplace_back();
		while (std::getline(fields, field, ','))
			row.push_back(field);
		table.label.push_back(row.back() == "yes" ? 1 : 0);
	}
	return table;
}

bool is_number(const std::string &text) {
	char *end;
	std::strtod(text.c_str(), &end);
	return end != text.c_str() && *end == '\0';
}

ExampleTable features(const Table &table) {
	std::vector<ColumnKind> kinds(table.n_features(), ColumnKind::Numeric);
	for (std::size_t f = 0; f < kinds.size(); ++f)
		for (std::size_t row = 0; row < table.rows.size(); ++row)
			if (!is_number(table.value(row, f)))
				kinds[f] = ColumnKind::Categorical;
	ExampleTable out(kinds, table.rows.size(), nullptr);
	for (std::size_t f = 0; f < kinds.size(); ++f) {
		std::map<std::string, std::size_t> codes;
		for (std::size_t row = 0; row < table.rows.size(); ++row)
			out.column(f)[row] = kinds[f] == ColumnKind::Numeric
									 ? std::strtof(table.value(row, f).c_str(), nullptr)
									 : static_cast<float>(codes.emplace(table.value(row, f), codes.size()).first->second);
	}
	return out;
}

/// Rows of each answer are shuffled and dealt out in turn.
std::vector<std::size_t> stratified_folds(const std::vector<std::uint8_t> &label, std::uint64_t seed) {
	std::vector<std::size_t> fold(label.size());
	for (const std::uint8_t answer : {0, 1}) {
		std::vector<std::size_t> rows;
		for (std::size_t row = 0; row < label.size(); ++row)
			if (label[row] == answer)
				rows.push_back(row);
		Rng rng(seed, answer);
		for (std::size_t i = rows.size(); i > 1; --i)
			std::swap(rows[i - 1], rows[rng.below(i)]);
		for (std::size_t i = 0; i < rows.size(); ++i)
			fold[rows[i]] = i % kOuter;
	}
	return fold;
}

} // namespace

int main(int argc, char **argv) {
	if (argc < 2)
		return 2;
	const Table table = read(argv[1]);
	if (table.rows.empty())
		return 2;
	test::ThreadExecutor executor(argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 2);
	Monitor monitor;
	const auto began = std::chrono::steady_clock::now();
	const ExampleTable values = features(table);
	const FeatureBins bins(values, executor, {});
	const BinnedTable binned(values, bins, executor, {}, nullptr);
	const std::vector<std::size_t> fold = stratified_folds(table.label, 0);
	double auc = 0, loss = 0, error = 0;
	for (std::size_t f = 0; f < kOuter; ++f) {
		std::vector<std::uint8_t> part(fold.size());
		for (std::size_t row = 0; row < part.size(); ++row)
			part[row] = fold[row] == f ? kNoPart : static_cast<std::uint8_t>(Rng(f, row).below(kFolds));
		const FittedPropensity fit = fit_propensity(binned, bins, table.label, part, 0, 0, executor, {}, monitor);
		std::vector<double> probability;
		std::vector<std::uint8_t> label;
		for (std::size_t row = 0; row < part.size(); ++row) {
			if (part[row] != kNoPart)
				continue;
			probability.push_back(fit.left_out[row]);
			label.push_back(table.label[row]);
		}
		auc += metrics::area_under_curve(probability, label) / kOuter;
		loss += metrics::log_loss(probability, label) / kOuter;
		error += metrics::expected_calibration_error(probability, label) / kOuter;
		std::fprintf(stderr, "fold %zu: at most %u leaves\n", f + 1, fit.max_leaves);
	}
	const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
	std::printf("auc %.4f\nlog_loss %.4f\nece %.4f\nseconds %.1f\n", auc, loss, error, seconds.count());
	return 0;
}
