// Boosted trees and what is built from them.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.hpp"
#include "recipe/propensity.hpp"
#include "unit/thread_executor.hpp"

using namespace recsys;
using namespace recsys::recipe;

namespace {

constexpr float kAbsentValue = std::numeric_limits<float>::quiet_NaN();

struct Problem {
	ExampleTable table;
	std::vector<std::uint8_t> label, part;
};

/// Two numbers whose signs interact, a category of 40 of which the even ones say yes, a number whose absence says yes, and one
/// that says nothing.
double truth(const ExampleTable &t, std::size_t row) {
	const bool signs = (t.column(0)[row] > 0) == (t.column(1)[row] > 0);
	const bool even = static_cast<int>(t.column(2)[row]) % 2 == 0;
	return .1 + .3 * signs + .3 * even + .2 * std::isnan(t.column(3)[row]);
}

Problem problem(std::size_t rows, std::uint64_t seed) {
	using enum ColumnKind;
	Problem p{ExampleTable({Numeric, Numeric, Categorical, Numeric, Numeric}, rows, nullptr), {}, {}};
	for (std::size_t row = 0; row < rows; ++row) {
		Rng rng(seed, row);
		p.table.column(0)[row] = static_cast<float>(rng.normal());
		p.table.column(1)[row] = static_cast<float>(rng.normal());
		p.table.column(2)[row] = static_cast<float>(rng.below(40));
		p.table.column(3)[row] = rng.below(2) != 0 ? kAbsentValue : static_cast<float>(rng.uniform());
		p.table.column(4)[row] = static_cast<float>(rng.uniform());
		p.label.push_back(rng.uniform() < truth(p.table, row) ? 1 : 0);
		p.part.push_back(rng.below(4) == 0 ? kNoPart : static_cast<std::uint8_t>(rng.below(kFolds)));
	}
	return p;
}

FittedPropensity fit(const Problem &p, std::size_t threads, const FeatureBins &bins, std::uint32_t leaves = 0,
					 const std::atomic<bool> *stop = nullptr) {
	test::ThreadExecutor executor(threads);
	Monitor monitor;
	const BinnedTable binned(p.table, bins, executor, {}, nullptr);
	return fit_propensity(binned, bins, p.label, p.part, leaves, 7, executor, StopToken(stop), monitor);
}

FeatureBins bins_of(const Problem &p) {
	SerialExecutor executor;
	return FeatureBins(p.table, executor, {});
}

Budgeted<std::byte> bytes_of(const FittedPropensity &fitted, const FeatureBins &bins) {
	artifact::Writer writer("test");
	bins.write(writer);
	fitted.model.write(writer);
	return writer.finish();
}

std::vector<std::uint8_t> row_bins(const Problem &p, const FeatureBins &bins, std::size_t row) {
	std::vector<std::uint8_t> out;
	for (std::size_t f = 0; f < p.table.n_features(); ++f)
		out.push_back(bins.bin(f, p.table.column(f)[row]));
	return out;
}

} // namespace

TEST_CASE("propensity: interactions, categories and absent values are found, and 0.2 means one in five") {
	const Problem p = problem(20000, 1);
	const FittedPropensity fitted = fit(p, 2, bins_of(p));
	double error = 0, rows = 0;
	std::vector<double> probability;
	std::vector<std::uint8_t> label;
	for (std::size_t row = 0; row < p.part.size(); ++row) {
		if (p.part[row] != kNoPart)
			continue;
		error += std::fabs(fitted.left_out[row] - truth(p.table, row));
		++rows;
		probability.push_back(fitted.left_out[row]);
		label.push_back(p.label[row]);
	}
	CHECK(error / rows < .04); // guessing the mean is .2 off
	CHECK(metrics::expected_calibration_error(probability, label) < .025);
}

TEST_CASE("propensity: same bytes at any number of threads, and the stored model says the same") {
	const Problem p = problem(1500, 2);
	const FeatureBins bins = bins_of(p);
	const FittedPropensity one = fit(p, 1, bins), three = fit(p, 3, bins);
	const auto bytes = bytes_of(one, bins), other = bytes_of(three, bins);
	CHECK(std::ranges::equal(bytes, other));
	CHECK(one.max_leaves == three.max_leaves);
	const artifact::View view(bytes);
	const FeatureBins read_bins(view);
	const Propensity read(view);
	for (std::size_t row = 0; row < 200; ++row) {
		CHECK(row_bins(p, bins, row) == row_bins(p, read_bins, row));
		CHECK(read.probability(row_bins(p, read_bins, row)) == one.model.probability(row_bins(p, bins, row)));
		if (p.part[row] == kNoPart)
			CHECK(one.left_out[row] == doctest::Approx(read.probability(row_bins(p, read_bins, row))));
	}
}

TEST_CASE("propensity: rows that are left out have no say") {
	Problem p = problem(1500, 3);
	const FeatureBins bins = bins_of(p);
	const auto before = bytes_of(fit(p, 1, bins, 4), bins);
	for (std::size_t row = 0; row < p.label.size(); ++row)
		if (p.part[row] == kNoPart)
			p.label[row] = 1 - p.label[row];
	CHECK(std::ranges::equal(before, bytes_of(fit(p, 1, bins, 4), bins)));
	const auto yes = std::ranges::find_if(p.part, [](std::uint8_t part) { return part != kNoPart; }) - p.part.begin();
	p.label[static_cast<std::size_t>(yes)] = 1 - p.label[static_cast<std::size_t>(yes)];
	CHECK(!std::ranges::equal(before, bytes_of(fit(p, 1, bins, 4), bins)));
}

TEST_CASE("propensity: noise is not learned") {
	Problem p = problem(4000, 4);
	for (std::size_t row = 0; row < p.label.size(); ++row)
		p.label[row] = Rng(9, row).below(5) == 0 ? 1 : 0;
	const FittedPropensity fitted = fit(p, 2, bins_of(p));
	for (std::size_t row = 0; row < p.part.size(); ++row)
		if (p.part[row] == kNoPart)
			CHECK(fitted.left_out[row] == doctest::Approx(.2).epsilon(.25));
}

TEST_CASE("propensity: the smallest and strangest data") {
	for (const std::size_t rows : {0, 1, 2, 7}) {
		Problem p = problem(rows, 5);
		CAPTURE(rows);
		for (const std::uint8_t label : {0, 1}) {
			std::ranges::fill(p.label, label);
			const FeatureBins bins = bins_of(p);
			const FittedPropensity fitted = fit(p, 2, bins);
			const std::vector<std::uint8_t> nothing(5, kAbsent);
			const double probability = fitted.model.probability(nothing);
			CHECK(probability >= 0);
			CHECK(probability <= 1);
			if (rows == 7)
				CHECK((probability > .5) == (label == 1));
		}
	}
	Problem p = problem(500, 6);
	for (std::size_t f = 0; f < 5; ++f)
		std::ranges::fill(p.table.column(f), f == 4 ? std::numeric_limits<float>::max() : kAbsentValue);
	p.table.column(4)[0] = std::numeric_limits<float>::lowest();
	const FeatureBins bins = bins_of(p);
	CHECK(std::isfinite(fit(p, 1, bins).model.probability(row_bins(p, bins, 3))));
}

TEST_CASE("propensity: a stop is soon obeyed") {
	const Problem p = problem(3000, 8);
	const std::atomic<bool> stop{true};
	const FeatureBins bins = bins_of(p);
	CHECK_THROWS_AS(fit(p, 2, bins, 0, &stop), Cancelled);
}

TEST_CASE("feature bins: few values have a bin each, many are shared out") {
	SerialExecutor executor;
	ExampleTable table({ColumnKind::Numeric, ColumnKind::Numeric, ColumnKind::Categorical}, 10000, nullptr);
	for (std::size_t row = 0; row < 10000; ++row) {
		table.column(0)[row] = static_cast<float>(row % 3);
		table.column(1)[row] = static_cast<float>(row);
		table.column(2)[row] = static_cast<float>(row % 1000);
	}
	const FeatureBins bins(table, executor, {});
	CHECK(bins.bin(0, 0) == 1);
	CHECK(bins.bin(0, 1) == 2);
	CHECK(bins.bin(0, 2) == 3);
	CHECK(bins.bin(0, 100) == 3);
	CHECK(bins.bin(0, -100) == 1);
	CHECK(bins.bin(0, kAbsentValue) == kAbsent);
	std::vector<int> count(kBins);
	for (std::size_t row = 0; row < 10000; ++row)
		++count[bins.bin(1, static_cast<float>(row))];
	CHECK(count[0] == 0);
	for (std::size_t bin = 1; bin < kBins; ++bin)
		CHECK(std::abs(count[bin] - 39) <= 2);
	CHECK(bins.bin(2, 0) == 1);
	CHECK(bins.bin(2, 253) == 254);
	CHECK(bins.bin(2, 254) == 255);
	CHECK(bins.bin(2, 999) == 255);
}

TEST_CASE("propensity: damaged sections are refused, never read") {
	const Problem p = problem(300, 9);
	const FeatureBins bins = bins_of(p);
	artifact::Writer whole("test");
	bins.write(whole);
	fit(p, 1, bins).model.write(whole);
	for (const artifact::Writer::Section &damaged : whole.sections()) {
		for (const bool cut : {true, false}) {
			CAPTURE(damaged.name);
			artifact::Writer writer("test");
			for (const artifact::Writer::Section &section : whole.sections()) {
				std::vector<std::byte> bytes(section.bytes.begin(), section.bytes.end());
				if (section.name == damaged.name && cut)
					bytes.resize(bytes.size() / 8 * 4);
				else if (section.name == damaged.name)
					std::ranges::fill(bytes, std::byte{0x7f});
				writer.add<std::byte>(section.name, bytes);
			}
			const auto bytes = writer.finish();
			const artifact::View view(bytes);
			try {
				const FeatureBins read_bins(view);
				const Propensity read(view);
				read.probability(std::vector<std::uint8_t>(read_bins.n_features(), 1));
			} catch (const Error &e) {
				CHECK(std::string(e.sqlstate()) == "RS007");
			}
		}
	}
}
