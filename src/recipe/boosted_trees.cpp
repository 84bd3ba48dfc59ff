#include "recipe/boosted_trees.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string>

#include "base/rng.hpp"

namespace recsys::recipe {

namespace {

constexpr double kCategoryDoubt = 10; // further l2 for sets of categories, which have many ways to fit noise

/// Sums over examples: gradient (p - label) and Hessian p (1 - p) of the log-loss.
struct Sums {
	double g = 0, h = 0;
	void operator+=(const Sums &o) noexcept { g += o.g, h += o.h; }
	Sums operator-(const Sums &o) const noexcept { return {g - o.g, h - o.h}; }
	double gain(double l2) const noexcept { return g * g / (h + l2); }
};

using Histogram = std::vector<Sums>; // kBins a feature that was drawn

struct Split {
	double gain = 0;
	std::uint32_t drawn = 0; // position among the drawn features
	bool categorical = false, absent_left = false;
	std::uint8_t threshold = 0;
	Forest::BinSet left{};
};

struct Leaf {
	std::uint32_t node;
	std::size_t begin, end; // of the rows
	Sums total;
	Histogram histogram;
	Split best;
};

} // namespace

bool Forest::goes_left(const TreeNode &node, std::uint8_t bin) const noexcept {
	if (categorical_[node.feature] != 0)
		return (sets_[node.set][bin / 64] >> (bin % 64) & 1) != 0;
	return bin == kAbsent ? node.absent_left != 0 : bin <= node.threshold;
}

double Forest::tree(std::size_t tree, std::span<const std::uint8_t> bins) const noexcept {
	const TreeNode *first = nodes_.data() + roots_[tree], *node = first;
	while (node->left != 0)
		node = first + node->left + (goes_left(*node, bins[node->feature]) ? 0 : 1);
	return static_cast<double>(node->value);
}

double Forest::operator()(std::span<const std::uint8_t> bins) const noexcept {
	double sum = base_;
	for (std::size_t t = 0; t < roots_.size(); ++t)
		sum += tree(t, bins);
	return sum;
}

void Forest::write(artifact::Writer &writer, std::string_view name) const {
	const std::string prefix(name);
	writer.add<double>(prefix + ".base", std::span(&base_, 1));
	writer.add<std::uint32_t>(prefix + ".roots", roots_);
	writer.add<TreeNode>(prefix + ".nodes", nodes_);
	writer.add<BinSet>(prefix + ".sets", sets_);
}

Forest::Forest(const artifact::View &view, std::string_view name, const FeatureBins &bins) {
	const std::string prefix(name);
	base_ = view.get<double>(prefix + ".base", 1)[0];
	const auto roots = view.get<std::uint32_t>(prefix + ".roots");
	const auto nodes = view.get<TreeNode>(prefix + ".nodes");
	const auto sets = view.get<BinSet>(prefix + ".sets");
	for (std::size_t f = 0; f < bins.n_features(); ++f)
		categorical_.push_back(bins.kind(f) == ColumnKind::Categorical ? 1 : 0);
	for (std::size_t t = 0; t < roots.size(); ++t) {
		const std::size_t end = t + 1 < roots.size() ? roots[t + 1] : nodes.size();
		if (roots[t] >= end || end > nodes.size() || (t == 0 && roots[t] != 0))
			artifact::View::fail(prefix + ".roots", "does not ascend");
		// Children lie behind their parent, so every way down ends.
		for (std::size_t n = roots[t]; n < end; ++n)
			if (nodes[n].left != 0 &&
				(roots[t] + nodes[n].left <= n || roots[t] + nodes[n].left + 1 >= end || nodes[n].feature >= bins.n_features() ||
				 (categorical_[nodes[n].feature] != 0 && nodes[n].set >= sets.size())))
				artifact::View::fail(prefix + ".nodes", "points outside");
	}
	roots_.assign(roots.begin(), roots.end());
	nodes_.assign(nodes.begin(), nodes.end());
	sets_.assign(sets.begin(), sets.end());
}

class ForestFitter {
public:
	ForestFitter(const BinnedTable &table, const FeatureBins &bins, std::span<const std::uint8_t> label,
				 std::span<const std::uint8_t> part, std::uint8_t held_out, const TreeSettings &settings, std::uint64_t seed,
				 const StopToken &stop, Monitor &monitor)
		: table_(table), bins_(bins), label_(label), settings_(settings), seed_(seed), stop_(stop), monitor_(monitor) {
		for (std::uint32_t row = 0; row < table.n_rows(); ++row)
			if (part[row] == held_out)
				held_out_.push_back(row);
			else if (part[row] != kNoPart)
				training_.push_back(row);
		for (std::size_t f = 0; f < bins.n_features(); ++f)
			result_.forest.categorical_.push_back(bins.kind(f) == ColumnKind::Categorical ? 1 : 0);
	}

	FittedForest fit() {
		begin();
		Forest &forest = result_.forest;
		std::vector<double> best(log_odds_.begin(), log_odds_.end());
		double best_loss = loss();
		std::size_t best_trees = 0, best_nodes = 0, best_sets = 0;
		for (std::uint32_t round = 0; round < settings_.max_rounds && forest.size() < best_trees + settings_.patience; ++round) {
			stop_.check();
			grow(round);
			monitor_.advance();
			if (const double now = loss(); now < best_loss) {
				best_loss = now;
				best_trees = forest.size();
				best_nodes = forest.nodes_.size();
				best_sets = forest.sets_.size();
				best = log_odds_;
			}
		}
		forest.roots_.resize(best_trees);
		forest.nodes_.resize(best_nodes);
		forest.sets_.resize(best_sets);
		result_.log_odds = std::move(best);
		result_.loss = best_loss;
		return std::move(result_);
	}

private:
	void begin() {
		double ones = 0;
		for (const std::uint32_t row : training_)
			ones += label_[row] != 0 ? 1.0 : 0.0;
		result_.forest.base_ = std::log((ones + 1) / (static_cast<double>(training_.size()) - ones + 1));
		log_odds_.assign(table_.n_rows(), result_.forest.base_);
	}

	double loss() const {
		double sum = 0;
		for (const std::uint32_t row : held_out_) {
			const double x = label_[row] != 0 ? -log_odds_[row] : log_odds_[row];
			sum += std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
		}
		return held_out_.empty() ? 0 : sum / static_cast<double>(held_out_.size());
	}

	void draw(std::uint32_t round) {
		rows_.clear();
		gradients_.clear();
		Rng rng(seed_, round, 1);
		for (const std::uint32_t row : training_) {
			if (rng.uniform() >= settings_.row_share)
				continue;
			const double p = 1 / (1 + std::exp(-log_odds_[row]));
			rows_.push_back(row);
			gradients_.push_back({p - (label_[row] != 0 ? 1.0 : 0.0), p * (1 - p)});
		}
		const auto wanted = static_cast<std::size_t>(
			std::ceil(settings_.feature_share * static_cast<double>(table_.n_features())));
		features_.resize(table_.n_features());
		std::iota(features_.begin(), features_.end(), 0u);
		for (std::size_t i = 0; i < wanted; ++i)
			std::swap(features_[i], features_[i + rng.below(features_.size() - i)]);
		features_.resize(wanted);
		std::sort(features_.begin(), features_.end());
	}

	void grow(std::uint32_t round) {
		draw(round);
		Forest &forest = result_.forest;
		const auto root = static_cast<std::uint32_t>(forest.nodes_.size());
		forest.roots_.push_back(root);
		forest.nodes_.emplace_back();
		leaves_.clear();
		leaves_.push_back(Leaf{0, 0, rows_.size(), {}, {}, {}});
		fill(leaves_[0]);
		find_best(leaves_[0]);
		while (leaves_.size() < settings_.max_leaves) {
			const auto best = std::max_element(leaves_.begin(), leaves_.end(),
											   [](const Leaf &a, const Leaf &b) { return a.best.gain < b.best.gain; });
			if (best->best.gain <= 0)
				break;
			split(root, static_cast<std::size_t>(best - leaves_.begin()));
		}
		for (const Leaf &leaf : leaves_)
			forest.nodes_[root + leaf.node].value =
				static_cast<float>(-settings_.learning_rate * leaf.total.g / (leaf.total.h + settings_.l2));
		apply(root);
	}

	void fill(Leaf &leaf) {
		leaf.histogram.assign(features_.size() * kBins, {});
		for (std::size_t i = leaf.begin; i < leaf.end; ++i)
			leaf.total += gradients_[i];
		for (std::size_t d = 0; d < features_.size(); ++d) {
			stop_.check();
			const std::span<const std::uint8_t> bin = table_.column(features_[d]);
			Sums *cells = leaf.histogram.data() + d * kBins;
			for (std::size_t i = leaf.begin; i < leaf.end; ++i)
				cells[bin[rows_[i]]] += gradients_[i];
		}
	}

	void find_best(Leaf &leaf) const {
		leaf.best = {};
		if (leaf.total.h < 2 * settings_.min_child_weight)
			return;
		for (std::uint32_t d = 0; d < features_.size(); ++d) {
			const std::span<const Sums> cells(leaf.histogram.data() + d * kBins, kBins);
			if (bins_.kind(features_[d]) == ColumnKind::Categorical)
				split_categories(cells, leaf.total, d, leaf.best);
			else
				split_numbers(cells, leaf.total, d, leaf.best);
		}
	}

	double gain(const Sums &left, const Sums &total, double l2) const noexcept {
		const Sums right = total - left;
		if (left.h < settings_.min_child_weight || right.h < settings_.min_child_weight)
			return 0;
		return left.gain(l2) + right.gain(l2) - total.gain(l2);
	}

	void split_numbers(std::span<const Sums> cells, const Sums &total, std::uint32_t drawn, Split &best) const {
		for (const bool absent_left : {false, true}) {
			if (absent_left && cells[kAbsent].h <= 0)
				return;
			Sums left = absent_left ? cells[kAbsent] : Sums{};
			for (std::size_t bin = 1; bin < kBins; ++bin) {
				if (cells[bin].h <= 0)
					continue;
				left += cells[bin];
				if (const double g = gain(left, total, settings_.l2); g > best.gain)
					best = {g, drawn, false, absent_left, static_cast<std::uint8_t>(bin), {}};
			}
		}
	}

	void split_categories(std::span<const Sums> cells, const Sums &total, std::uint32_t drawn, Split &best) const {
		std::array<std::uint8_t, kBins> order;
		std::size_t n = 0;
		for (std::size_t bin = 0; bin < kBins; ++bin)
			if (cells[bin].h > 0)
				order[n++] = static_cast<std::uint8_t>(bin);
		std::sort(order.begin(), order.begin() + n, [&](std::uint8_t a, std::uint8_t b) {
			const double x = cells[a].g / (cells[a].h + kCategoryDoubt), y = cells[b].g / (cells[b].h + kCategoryDoubt);
			return x != y ? x < y : a < b;
		});
		Sums left;
		Forest::BinSet set{};
		for (std::size_t i = 0; i + 1 < n; ++i) {
			left += cells[order[i]];
			set[order[i] / 64] |= std::uint64_t{1} << (order[i] % 64);
			if (const double g = gain(left, total, settings_.l2 + kCategoryDoubt); g > best.gain)
				best = {g, drawn, true, false, 0, set};
		}
	}

	void split(std::uint32_t root, std::size_t at) {
		Forest &forest = result_.forest;
		const Split best = leaves_[at].best;
		const auto child = static_cast<std::uint32_t>(forest.nodes_.size() - root);
		TreeNode &node = forest.nodes_[root + leaves_[at].node];
		node.left = child;
		node.feature = static_cast<std::uint16_t>(features_[best.drawn]);
		node.threshold = best.threshold;
		node.absent_left = best.absent_left ? 1 : 0;
		if (best.categorical) {
			node.set = static_cast<std::uint32_t>(forest.sets_.size());
			forest.sets_.push_back(best.left);
		}
		const std::size_t middle = partition(leaves_[at], node);
		forest.nodes_.resize(forest.nodes_.size() + 2);
		Leaf parent = std::move(leaves_[at]);
		leaves_[at] = Leaf{child, parent.begin, middle, {}, {}, {}};
		leaves_.push_back(Leaf{child + 1, middle, parent.end, {}, {}, {}});
		Leaf &left = leaves_[at], &right = leaves_.back();
		const bool left_is_less = left.end - left.begin < right.end - right.begin;
		Leaf &less = left_is_less ? left : right, &more = left_is_less ? right : left;
		fill(less);
		more.total = parent.total - less.total;
		more.histogram = std::move(parent.histogram);
		for (std::size_t c = 0; c < more.histogram.size(); ++c)
			more.histogram[c] = more.histogram[c] - less.histogram[c];
		clear_residue(more.histogram);
		find_best(left);
		find_best(right);
	}

	/// Cells without rows must be exactly empty, or differences of sums would pass for examples.
	static void clear_residue(Histogram &histogram) {
		constexpr double kResidue = 1e-9; // below the Hessian of an example whose log-odds are +-20
		for (Sums &cell : histogram)
			if (cell.h < kResidue)
				cell = {};
	}

	/// Puts the rows that go left first, in their order; returns where the others begin.
	std::size_t partition(const Leaf &leaf, const TreeNode &node) {
		const std::span<const std::uint8_t> bin = table_.column(node.feature);
		spare_rows_.clear();
		spare_gradients_.clear();
		std::size_t to = leaf.begin;
		for (std::size_t i = leaf.begin; i < leaf.end; ++i) {
			if (result_.forest.goes_left(node, bin[rows_[i]])) {
				rows_[to] = rows_[i];
				gradients_[to++] = gradients_[i];
			} else {
				spare_rows_.push_back(rows_[i]);
				spare_gradients_.push_back(gradients_[i]);
			}
		}
		std::copy(spare_rows_.begin(), spare_rows_.end(), rows_.begin() + static_cast<std::ptrdiff_t>(to));
		std::copy(spare_gradients_.begin(), spare_gradients_.end(), gradients_.begin() + static_cast<std::ptrdiff_t>(to));
		return to;
	}

	/// The newest tree's values on all rows: those that were not drawn need them too.
	void apply(std::uint32_t root) {
		const Forest &forest = result_.forest;
		const TreeNode *first = forest.nodes_.data() + root;
		for (std::size_t row = 0; row < table_.n_rows(); ++row) {
			const TreeNode *node = first;
			while (node->left != 0)
				node = first + node->left + (forest.goes_left(*node, table_.column(node->feature)[row]) ? 0 : 1);
			log_odds_[row] += static_cast<double>(node->value);
		}
	}

	const BinnedTable &table_;
	const FeatureBins &bins_;
	const std::span<const std::uint8_t> label_;
	const TreeSettings settings_;
	const std::uint64_t seed_;
	const StopToken stop_;
	Monitor &monitor_;
	std::vector<std::uint32_t> training_, held_out_;
	std::vector<double> log_odds_;
	FittedForest result_{};
	// of the tree that grows
	std::vector<std::uint32_t> rows_, spare_rows_, features_;
	std::vector<Sums> gradients_, spare_gradients_; // in the order of rows_
	std::vector<Leaf> leaves_;
};

FittedForest fit_forest(const BinnedTable &table, const FeatureBins &bins, std::span<const std::uint8_t> label,
						std::span<const std::uint8_t> part, std::uint8_t held_out, const TreeSettings &settings, std::uint64_t seed,
						const StopToken &stop, Monitor &monitor) {
	return ForestFitter(table, bins, label, part, held_out, settings, seed, stop, monitor).fit();
}

} // namespace recsys::recipe
