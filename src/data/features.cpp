#include "data/encoding.hpp"

#include <algorithm>
#include <cmath>

namespace recsys::data {

namespace {

constexpr float kFarthest = 4; // scales from the median: farther is as far

std::string_view string_at(std::span<const std::uint64_t> offsets, std::span<const char> bytes, std::size_t i) noexcept {
	return {bytes.data() + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i])};
}

/// The place of `wanted` among the ascending strings [begin, end), kNone when it is not there.
std::uint32_t find_string(std::span<const std::uint64_t> offsets, std::span<const char> bytes, std::size_t begin,
						  std::size_t end, std::string_view wanted) noexcept {
	while (begin < end) {
		const std::size_t middle = begin + (end - begin) / 2;
		const std::string_view here = string_at(offsets, bytes, middle);
		if (here == wanted)
			return static_cast<std::uint32_t>(middle);
		if (here < wanted)
			begin = middle + 1;
		else
			end = middle;
	}
	return kNone;
}

/// To length one; nothing stays nothing.
void normalize(std::span<float> values) noexcept {
	double square = 0;
	for (const float x : values)
		square += static_cast<double>(x) * static_cast<double>(x);
	if (!(square > 0))
		return;
	const auto factor = static_cast<float>(1 / std::sqrt(square));
	for (float &x : values)
		x *= factor;
}

/// out += factor * values.
void add_scaled(std::span<float> out, float factor, const float *values) noexcept {
	for (std::size_t i = 0; i < out.size(); ++i)
		out[i] += factor * values[i];
}

} // namespace

const char *to_string(FeatureKind kind) noexcept {
	switch (kind) {
	case FeatureKind::Category:
		return "category";
	case FeatureKind::Number:
		return "number";
	case FeatureKind::Text:
		return "text";
	case FeatureKind::Vector:
		return "vector";
	}
	return "";
}

float word_weight(float times) noexcept { return 1 + std::log(std::max(times, 1.0f)); }

std::uint32_t interval_of(const EncodedColumn &column, double number) noexcept {
	const auto above = std::upper_bound(column.edges.begin(), column.edges.end(), number);
	return column.sparse_begin + static_cast<std::uint32_t>(above - column.edges.begin());
}

float scaled(const EncodedColumn &column, double number) noexcept {
	return std::clamp(static_cast<float>((number - column.median) / column.scale), -kFarthest, kFarthest);
}

void encode_vector(const EncodedColumn &column, std::span<const float> values, const float *projection,
				   std::span<float> out) noexcept {
	if (projection == nullptr) {
		std::copy(values.begin(), values.end(), out.begin());
	} else {
		std::fill(out.begin(), out.end(), 0.0f);
		for (std::size_t i = 0; i < column.length; ++i)
			add_scaled(out, values[i], projection + i * out.size());
	}
	normalize(out);
}

void encode_words(std::span<const std::pair<std::uint32_t, float>> words, const float *vectors, std::span<float> out) noexcept {
	std::fill(out.begin(), out.end(), 0.0f);
	for (const auto &[word, times] : words)
		add_scaled(out, word_weight(times), vectors + word * out.size());
	normalize(out);
}

FeatureEncoder::FeatureEncoder(std::vector<EncodedColumn> columns, const Parts &parts)
	: columns_(std::move(columns)), parts_(parts) {
	for (const EncodedColumn &column : columns_) {
		n_sparse_ = std::max<std::size_t>(n_sparse_, column.sparse_end);
		n_dense_ = std::max<std::size_t>(n_dense_, column.dense_end);
	}
}

std::size_t FeatureEncoder::first_string(std::size_t column) const noexcept {
	std::size_t first = 0;
	for (std::size_t c = 0; c < column; ++c)
		if (columns_[c].kind == FeatureKind::Category)
			first += columns_[c].sparse_end - columns_[c].sparse_begin;
	return first;
}

const float *FeatureEncoder::projection(std::size_t column) const noexcept {
	const float *at = parts_.projections.data();
	for (std::size_t c = 0; c < column; ++c)
		at += columns_[c].projection_size();
	return columns_[column].projection_size() == 0 ? nullptr : at;
}

void FeatureEncoder::encode(const FeatureRow &row, std::vector<std::uint32_t> &sparse, std::span<float> dense) const {
	sparse.clear();
	std::fill(dense.begin(), dense.end(), 0.0f);
	std::vector<std::pair<std::uint32_t, float>> words;
	for (const FeatureRow::Value &value : row.values()) {
		const EncodedColumn &column = columns_[value.column];
		if (!column.unused.empty())
			continue;
		if (column.kind == FeatureKind::Category) {
			const std::size_t first = first_string(value.column);
			const std::uint32_t found = find_string(parts_.value_offsets, parts_.value_bytes, first,
													first + column.sparse_end - column.sparse_begin, value.text);
			if (found != kNone)
				sparse.push_back(column.sparse_begin + found - static_cast<std::uint32_t>(first));
		} else if (column.kind == FeatureKind::Number) {
			if (const auto number = static_cast<float>(value.number); std::isfinite(number)) {
				sparse.push_back(interval_of(column, static_cast<double>(number)));
				dense[column.dense_begin] = scaled(column, static_cast<double>(number));
			}
		} else if (!parts_.word_offsets.empty()) {
			const std::uint32_t word =
				find_string(parts_.word_offsets, parts_.word_bytes, 0, parts_.word_offsets.size() - 1, value.text);
			if (word != kNone)
				words.emplace_back(word, value.amount);
		}
	}
	// As in a table: in the order of the words, each once.
	std::sort(words.begin(), words.end(),
			  [](const auto &a, const auto &b) { return a.first != b.first ? a.first < b.first : a.second > b.second; });
	words.erase(std::unique(words.begin(), words.end(), [](const auto &a, const auto &b) { return a.first == b.first; }),
				words.end());
	for (std::size_t c = 0; c < columns_.size(); ++c) {
		const EncodedColumn &column = columns_[c];
		const std::span<float> out = dense.subspan(column.dense_begin, column.dense_end - column.dense_begin);
		if (column.kind == FeatureKind::Text && column.unused.empty())
			encode_words(words, parts_.word_vectors.data(), out);
		else if (const std::span<const float> values = row.vector(c); column.kind == FeatureKind::Vector && column.unused.empty() &&
				 values.size() == column.length && all_finite(values))
			encode_vector(column, values, projection(c), out);
	}
	std::sort(sparse.begin(), sparse.end());
	sparse.erase(std::unique(sparse.begin(), sparse.end()), sparse.end());
}

bool all_finite(std::span<const float> values) noexcept {
	return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

FeatureTable::FeatureTable(std::vector<FeatureColumn> columns, MemoryBudget *budget)
	: budget_(budget), described_(BudgetAllocator<std::uint32_t>(budget)) {
	for (FeatureColumn &column : columns)
		columns_.push_back({std::move(column), Budgeted<Entry>(BudgetAllocator<Entry>(budget)), Interner(budget),
							Budgeted<float>(BudgetAllocator<float>(budget)), 0});
}

void FeatureTable::add(std::uint32_t entity, const FeatureRow &row) {
	described_.push_back(entity);
	for (const FeatureRow::Value &value : row.values()) {
		Column &column = columns_[value.column];
		if (column.spec.kind == FeatureKind::Number) {
			if (const auto number = static_cast<float>(value.number); std::isfinite(number))
				column.entries.push_back({entity, 0, number + 0.0f}); // -0 becomes 0
		} else if (!value.text.empty()) {
			column.entries.push_back({entity, column.values.intern(value.text), value.amount});
		}
	}
	for (std::size_t c = 0; c < columns_.size(); ++c) {
		const std::span<const float> values = row.vector(c);
		if (!values.empty() && all_finite(values))
			add_vector(entity, columns_[c], values);
	}
}

void FeatureTable::add_vector(std::uint32_t entity, Column &column, std::span<const float> values) {
	if (column.length == 0)
		column.length = values.size();
	if (column.length != values.size())
		throw Error(sqlstate::InvalidParameter, "vectors of column \"" + column.spec.name + "\" differ in length",
					"There are vectors of " + std::to_string(std::min(column.length, values.size())) + " and of " +
						std::to_string(std::max(column.length, values.size())) + " numbers.");
	column.entries.push_back({entity, static_cast<std::uint32_t>(column.entries.size()), 0});
	column.floats.insert(column.floats.end(), values.begin(), values.end());
}

} // namespace recsys::data
