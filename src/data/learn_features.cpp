// Learning an encoder from the rows of a table. Everything that could depend on the order of the rows is sorted first.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/encoding.hpp"
#include "math/low_rank.hpp"

namespace recsys::data {

namespace {

constexpr std::size_t kIntervals = 16;		// a number is cut into
constexpr std::size_t kLongestVector = 128; // taken as it is; a longer one is shortened to kTextRank
constexpr double kMostRowsOfWord = 0.5;		// share of the rows: a word that stands in more tells nothing
constexpr double kNormalSpread = 1.349;		// quartiles of a normal distribution, in standard deviations
constexpr std::uint64_t kSeed = 0x66656174; // of the projections: features do not change with the seed of a training

template <class T> Budgeted<T> make(std::size_t n, MemoryBudget *budget) { return Budgeted<T>(n, T{}, BudgetAllocator<T>(budget)); }

} // namespace

class FeatureLearner {
	using Column = FeatureTable::Column;
	using Entry = FeatureTable::Entry;

public:
	FeatureLearner(FeatureTable &table, std::span<const std::uint32_t> ordinals, std::size_t n_rows,
				   std::span<const std::uint32_t> times, const math::Workers &workers)
		: table_(table), n_rows_(n_rows), times_(times), workers_(workers) {
		out_.value_offsets = make<std::uint64_t>(0, workers.budget);
		out_.word_offsets = make<std::uint64_t>(0, workers.budget);
		out_.value_bytes = make<char>(0, workers.budget);
		out_.word_bytes = make<char>(0, workers.budget);
		out_.word_vectors = make<float>(0, workers.budget);
		out_.projections = make<float>(0, workers.budget);
		for (std::uint32_t &entity : table.described_)
			entity = ordinals[entity];
		std::sort(table.described_.begin(), table.described_.end());
		const auto none = std::lower_bound(table.described_.begin(), table.described_.end(), kNone);
		const auto last = std::unique(table.described_.begin(), none);
		out_.n_described = std::accumulate(table.described_.begin(), last, std::size_t{0},
										   [&](std::size_t sum, std::uint32_t row) { return sum + times_of(row); });
		out_.value_offsets.push_back(0);
		out_.word_offsets.push_back(0);
		order_.resize(table.columns_.size());
		for (std::size_t c = 0; c < table.columns_.size(); ++c)
			sort(table.columns_[c], ordinals, order_[c]);
	}

	LearnedFeatures run() {
		std::vector<math::Matrix> dense(table_.columns_.size());
		columns_.resize(table_.columns_.size());
		places_.assign(table_.columns_.size(), Places(BudgetAllocator<Place>(workers_.budget)));
		for (std::size_t c = 0; c < table_.columns_.size(); ++c) {
			Column &column = table_.columns_[c];
			EncodedColumn &encoded = columns_[c];
			encoded.name = column.spec.name;
			encoded.kind = column.spec.kind;
			encoded.filled = filled(column);
			encoded.sparse_begin = encoded.sparse_end = n_sparse_;
			switch (column.spec.kind) {
			case FeatureKind::Category:
				learn_categories(c, places_[c]);
				break;
			case FeatureKind::Number:
				learn_numbers(column, encoded, places_[c], dense[c]);
				break;
			case FeatureKind::Text:
				learn_words(c, dense[c]);
				break;
			case FeatureKind::Vector:
				learn_vectors(column, encoded, dense[c]);
				break;
			}
			n_sparse_ = encoded.sparse_end;
			encoded.dense_begin = n_dense_;
			encoded.dense_end = n_dense_ += static_cast<std::uint32_t>(dense[c].columns);
			Budgeted<Entry>(BudgetAllocator<Entry>(workers_.budget)).swap(column.entries);
		}
		join_sparse();
		join_dense(dense);
		out_.encoder = FeatureEncoder(std::move(columns_), {out_.value_offsets, out_.value_bytes, out_.word_offsets, out_.word_bytes,
															out_.word_vectors, out_.projections});
		return std::move(out_);
	}

private:
	struct Place {
		std::uint32_t row, ordinal;
	};
	using Places = Budgeted<Place>;

	/// From arrival order to (row, value), each pair once. Strings become their ranks in byte order.
	void sort(Column &column, std::span<const std::uint32_t> ordinals, Budgeted<std::uint32_t> &order) {
		std::erase_if(column.entries, [&](const Entry &e) { return ordinals[e.entity] == kNone; });
		const bool strings = column.spec.kind == FeatureKind::Category || column.spec.kind == FeatureKind::Text;
		SparsePoll poll(workers_.stop);
		auto rank = make<std::uint32_t>(column.values.size(), workers_.budget);
		order = column.values.sorted(workers_.executor, workers_.stop);
		for (std::uint32_t r = 0; r < order.size(); ++r)
			rank[order[r]] = r;
		for (Entry &e : column.entries) {
			e.entity = ordinals[e.entity];
			if (strings)
				e.value = rank[e.value];
		}
		if (column.spec.kind == FeatureKind::Vector)
			return sort_vectors(column);
		std::sort(column.entries.begin(), column.entries.end(), [&](const Entry &a, const Entry &b) {
			poll();
			return a.entity != b.entity ? a.entity < b.entity : a.value != b.value ? a.value < b.value : a.amount > b.amount;
		});
		const auto last = std::unique(column.entries.begin(), column.entries.end(), [&](const Entry &a, const Entry &b) {
			return a.entity == b.entity && (!strings || a.value == b.value);
		});
		column.entries.erase(last, column.entries.end());
	}

	void sort_vectors(Column &column) {
		const auto vector = [&](const Entry &e) { return std::span<const float>(column.floats).subspan(e.value * column.length, column.length); };
		std::sort(column.entries.begin(), column.entries.end(), [&](const Entry &a, const Entry &b) {
			if (a.entity != b.entity)
				return a.entity < b.entity;
			return std::ranges::lexicographical_compare(vector(b), vector(a));
		});
		const auto last = std::unique(column.entries.begin(), column.entries.end(),
									  [](const Entry &a, const Entry &b) { return a.entity == b.entity; });
		column.entries.erase(last, column.entries.end());
	}

	std::uint32_t times_of(std::uint32_t row) const { return times_.empty() ? 1 : times_[row]; }

	double filled(const Column &column) const {
		std::size_t rows = 0;
		for (std::size_t i = 0; i < column.entries.size(); ++i)
			if (i == 0 || column.entries[i].entity != column.entries[i - 1].entity)
				rows += times_of(column.entries[i].entity);
		return out_.n_described == 0 ? 0.0 : static_cast<double>(rows) / static_cast<double>(out_.n_described);
	}

	/// Of the strings that between kLeastRows and `most_rows` rows have the `most` most frequent: rank to place in the arena,
	/// kNone for those left out. Their bytes are appended to the arena; counts the strings that occur.
	struct Chosen {
		Budgeted<std::uint32_t> place;
		std::vector<std::uint32_t> rows; // of each place
	};
	Chosen choose(std::size_t c, std::size_t most, double most_rows, Budgeted<std::uint64_t> &offsets, Budgeted<char> &bytes) {
		const Interner &strings = table_.columns_[c].values;
		auto rows_of = make<std::uint32_t>(strings.size(), workers_.budget);
		for (const Entry &e : table_.columns_[c].entries)
			rows_of[e.value] += times_of(e.entity);
		columns_[c].distinct = static_cast<std::uint64_t>(std::count_if(rows_of.begin(), rows_of.end(), [](auto n) { return n > 0; }));
		std::vector<std::uint32_t> counts;
		const auto fits = [&](std::uint32_t n) { return n >= kLeastRows && static_cast<double>(n) <= most_rows; };
		std::copy_if(rows_of.begin(), rows_of.end(), std::back_inserter(counts), fits);
		std::uint32_t least = 0; // and of those that just have so many rows, the first ones
		std::size_t room = most;
		if (counts.size() > most) {
			std::nth_element(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(most - 1), counts.end(), std::greater<>());
			least = counts[most - 1];
			room -= static_cast<std::size_t>(std::count_if(counts.begin(), counts.end(), [&](auto n) { return n > least; }));
		}
		Chosen chosen{Budgeted<std::uint32_t>(strings.size(), kNone, BudgetAllocator<std::uint32_t>(workers_.budget)), {}};
		for (std::uint32_t rank = 0; rank < rows_of.size(); ++rank) {
			const std::uint32_t n = rows_of[rank];
			if (!fits(n) || n < least || (n == least && room == 0))
				continue;
			room -= n == least;
			chosen.place[rank] = static_cast<std::uint32_t>(chosen.rows.size());
			chosen.rows.push_back(n);
			const std::string_view text = strings[order_[c][rank]];
			bytes.insert(bytes.end(), text.begin(), text.end());
			offsets.push_back(bytes.size());
		}
		return chosen;
	}

	void learn_categories(std::size_t c, Places &places) {
		EncodedColumn &encoded = columns_[c];
		const Chosen chosen = choose(c, kMostCategories, INFINITY, out_.value_offsets, out_.value_bytes);
		if (chosen.rows.empty())
			encoded.unused = encoded.distinct == 0 ? "it has no values" : "no two rows share a value";
		encoded.sparse_end += static_cast<std::uint32_t>(chosen.rows.size());
		for (const Entry &e : table_.columns_[c].entries)
			if (chosen.place[e.value] != kNone)
				places.push_back({e.entity, encoded.sparse_begin + chosen.place[e.value]});
	}

	void learn_numbers(const Column &column, EncodedColumn &encoded, Places &places, math::Matrix &dense) {
		std::vector<std::pair<double, std::uint64_t>> sorted; // with how many rows have that number or a smaller one
		for (const Entry &e : column.entries)
			sorted.emplace_back(static_cast<double>(e.amount), times_of(e.entity));
		std::sort(sorted.begin(), sorted.end());
		std::uint64_t rows = 0;
		for (std::size_t i = 0; i < sorted.size(); ++i) {
			encoded.distinct += i == 0 || sorted[i].first != sorted[i - 1].first;
			sorted[i].second = rows += sorted[i].second;
		}
		if (sorted.empty() || sorted.front().first == sorted.back().first) {
			encoded.unused = sorted.empty() ? "it has no values" : "all its values are equal";
			return;
		}
		const auto quantile = [&](double q) {
			const auto at = static_cast<std::uint64_t>(q * static_cast<double>(rows - 1));
			return std::ranges::upper_bound(sorted, at, {}, &std::pair<double, std::uint64_t>::second)->first;
		};
		const double smallest = sorted.front().first, largest = sorted.back().first;
		encoded.median = quantile(0.5);
		encoded.scale = (quantile(0.75) - quantile(0.25)) / kNormalSpread;
		if (!(encoded.scale > 0))
			encoded.scale = (largest - smallest) / 2;
		for (std::size_t i = 1; i < kIntervals; ++i) {
			const double edge = quantile(static_cast<double>(i) / static_cast<double>(kIntervals));
			if (edge > smallest && (encoded.edges.empty() || edge > encoded.edges.back()))
				encoded.edges.push_back(edge);
		}
		encoded.sparse_end = encoded.sparse_begin + static_cast<std::uint32_t>(encoded.edges.size()) + 1;
		dense = math::Matrix(n_rows_, 1, workers_.budget);
		for (const Entry &e : column.entries) {
			places.push_back({e.entity, interval_of(encoded, static_cast<double>(e.amount))});
			dense.row(e.entity)[0] = scaled(encoded, static_cast<double>(e.amount));
		}
	}

	void learn_words(std::size_t c, math::Matrix &dense) {
		EncodedColumn &encoded = columns_[c];
		const Column &column = table_.columns_[c];
		const auto n = static_cast<double>(out_.n_described);
		const Chosen chosen =
			choose(c, kMostWords, std::max<double>(kLeastRows, kMostRowsOfWord * n), out_.word_offsets, out_.word_bytes);
		if (encoded.filled < kLeastFilledText)
			encoded.unused = "it is filled in fewer than 85 % of the rows";
		else if (chosen.rows.empty())
			encoded.unused = "no two rows share a word";
		if (!encoded.unused.empty()) {
			out_.word_offsets.resize(1);
			out_.word_bytes.clear();
			return;
		}
		std::vector<float> rarity;
		for (const std::uint32_t rows : chosen.rows)
			rarity.push_back(static_cast<float>(std::log((1 + n) / (1 + static_cast<double>(rows)))));
		out_.word_vectors = word_vectors(column, chosen.place, rarity);
		dense = math::Matrix(n_rows_, out_.word_vectors.size() / rarity.size(), workers_.budget);
		SparsePoll poll(workers_.stop, 256);
		std::vector<std::pair<std::uint32_t, float>> words;
		for (std::size_t i = 0, end = 0; i < column.entries.size(); i = end, poll()) {
			words.clear();
			for (end = i; end < column.entries.size() && column.entries[end].entity == column.entries[i].entity; ++end)
				if (chosen.place[column.entries[end].value] != kNone)
					words.emplace_back(chosen.place[column.entries[end].value], column.entries[end].amount);
			encode_words(words, out_.word_vectors.data(), {dense.row(column.entries[i].entity), dense.columns});
		}
	}

	/// Rarity times the right singular vectors of the rows' words, weighted and of length one a row: words that stand in the
	/// same rows lie close to each other (latent semantic analysis: Deerwester et al. 1990).
	Budgeted<float> word_vectors(const Column &column, std::span<const std::uint32_t> place, std::span<const float> rarity) {
		math::Csr pattern;
		pattern.n_columns = rarity.size();
		pattern.offsets = make<std::uint64_t>(1, workers_.budget);
		pattern.index = make<std::uint32_t>(0, workers_.budget);
		Budgeted<float> values(BudgetAllocator<float>(workers_.budget));
		for (std::size_t i = 0, end = 0; i < column.entries.size(); i = end) {
			double square = 0;
			for (end = i; end < column.entries.size() && column.entries[end].entity == column.entries[i].entity; ++end) {
				const std::uint32_t word = place[column.entries[end].value];
				if (word == kNone)
					continue;
				pattern.index.push_back(word);
				values.push_back(rarity[word] * word_weight(column.entries[end].amount));
				square += static_cast<double>(values.back()) * static_cast<double>(values.back());
			}
			for (std::size_t v = pattern.offsets.back(); v < values.size(); ++v)
				values[v] = static_cast<float>(static_cast<double>(values[v]) / std::sqrt(square));
			pattern.offsets.push_back(values.size());
		}
		const math::SparseMap map(std::move(pattern), std::move(values), workers_);
		math::LowRank svd = math::truncated_svd(map, kTextRank, kSeed, workers_);
		for (std::size_t word = 0; word < rarity.size(); ++word)
			for (std::size_t d = 0; d < svd.right.columns; ++d)
				svd.right.row(word)[d] *= rarity[word];
		return std::move(svd.right.values);
	}

	void learn_vectors(const Column &column, EncodedColumn &encoded, math::Matrix &dense) {
		if (column.entries.empty()) {
			encoded.unused = "it has no values";
			return;
		}
		encoded.distinct = column.entries.size();
		encoded.length = static_cast<std::uint32_t>(column.length);
		math::Matrix rows(column.entries.size(), column.length, workers_.budget);
		for (std::size_t i = 0; i < rows.rows; ++i)
			std::copy_n(column.floats.data() + column.entries[i].value * column.length, column.length, rows.row(i));
		std::size_t width = column.length;
		const std::size_t first = out_.projections.size();
		if (column.length > kLongestVector) {
			const math::LowRank svd = math::truncated_svd(math::DenseMap(rows), kTextRank, kSeed, workers_);
			width = svd.right.columns;
			out_.projections.insert(out_.projections.end(), svd.right.values.begin(), svd.right.values.end());
		}
		dense = math::Matrix(n_rows_, width, workers_.budget);
		const float *projection = width < column.length ? out_.projections.data() + first : nullptr;
		for (std::size_t i = 0; i < rows.rows; ++i)
			encode_vector(encoded, rows.span(i), projection, {dense.row(column.entries[i].entity), width});
	}

	/// One row of ordinals from the columns' lists, which are ascending by row.
	void join_sparse() {
		math::Csr &sparse = out_.rows.sparse;
		sparse.n_columns = n_sparse_;
		sparse.offsets = make<std::uint64_t>(n_rows_ + 1, workers_.budget);
		for (const Places &places : places_)
			for (const Place &place : places)
				++sparse.offsets[place.row + 1];
		std::partial_sum(sparse.offsets.begin(), sparse.offsets.end(), sparse.offsets.begin());
		sparse.index = make<std::uint32_t>(sparse.offsets.back(), workers_.budget);
		Budgeted<std::uint64_t> next(sparse.offsets, BudgetAllocator<std::uint64_t>(workers_.budget));
		for (const Places &places : places_)
			for (const Place &place : places)
				sparse.index[next[place.row]++] = place.ordinal;
		for (std::size_t row = 0; row < n_rows_; ++row)
			std::sort(sparse.index.begin() + static_cast<std::ptrdiff_t>(sparse.offsets[row]),
					  sparse.index.begin() + static_cast<std::ptrdiff_t>(sparse.offsets[row + 1]));
	}

	void join_dense(const std::vector<math::Matrix> &parts) {
		out_.rows.dense = math::Matrix(n_rows_, n_dense_, workers_.budget);
		std::size_t first = 0;
		for (const math::Matrix &part : parts) {
			for (std::size_t row = 0; row < part.rows; ++row)
				std::copy_n(part.row(row), part.columns, out_.rows.dense.row(row) + first);
			first += part.columns;
		}
	}

	FeatureTable &table_;
	std::size_t n_rows_;
	std::span<const std::uint32_t> times_; // of each row; empty: once
	const math::Workers &workers_;
	LearnedFeatures out_;
	std::vector<EncodedColumn> columns_;
	std::vector<Places> places_;
	std::vector<Budgeted<std::uint32_t>> order_; // of string columns: rank to arrival
	std::uint32_t n_sparse_ = 0, n_dense_ = 0;
};

LearnedFeatures FeatureTable::learn(std::span<const std::uint32_t> ordinals, std::size_t n_rows, Executor &executor,
									const StopToken &stop, std::span<const std::uint32_t> times) {
	if (columns_.empty())
		return {};
	const math::Workers workers{executor, stop, budget_};
	LearnedFeatures out = FeatureLearner(*this, ordinals, n_rows, times, workers).run();
	columns_.clear();
	Budgeted<std::uint32_t>(BudgetAllocator<std::uint32_t>(budget_)).swap(described_);
	return out;
}

} // namespace recsys::data
