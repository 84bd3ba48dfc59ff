// Metadata of items and users as recipes read it: for each row a few sparse ordinals (its categories, the interval that each
// of its numbers lies in) and a dense vector (numbers, text, the user's own vectors).
//
//   FeatureRow       one row of a dataset while it is read: names, numbers, words
//   FeatureTable     all rows as read, in any order
//   FeatureEncoder   what was learned from a table: which categories count, how numbers spread, where words lie. Stored in the
//                    model, so that a row that came later is encoded as if it had been there
//   Features         the encoded rows
//
// Values that are not finite count as missing; a missing value has no ordinal and stands in the middle of the dense numbers.
#include "base/wall.hpp"
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/interner.hpp"
#include "math/matrix.hpp"

namespace recsys::data {

inline constexpr std::uint32_t kNone = 0xffffffff;

enum class FeatureKind : std::uint8_t { Category, Number, Text, Vector };
const char *to_string(FeatureKind kind) noexcept; // "category" …

struct FeatureColumn {
	std::string name;
	FeatureKind kind;
};

/// The values of one row; reused from row to row. Texts must live until the row is used.
class FeatureRow {
public:
	struct Value {
		std::uint32_t column;
		float amount;		   // how often a word stands there
		double number;
		std::string_view text; // a category or a word
	};
	void clear() noexcept {
		values_.clear();
		vectors_.clear();
		floats_.clear();
	}
	/// Once for each of several values.
	void category(std::size_t column, std::string_view value) { values_.push_back({id(column), 1, 0, value}); }
	void number(std::size_t column, double value) { values_.push_back({id(column), 1, value, {}}); }
	/// Each word once, with how often it stands there.
	void word(std::size_t column, std::string_view word, float times) { values_.push_back({id(column), times, 0, word}); }
	void vector(std::size_t column, std::span<const float> values) {
		vectors_.push_back({id(column), floats_.size(), values.size()});
		floats_.insert(floats_.end(), values.begin(), values.end());
	}

	std::span<const Value> values() const noexcept { return values_; }
	/// Of a column of kind Vector; empty when missing.
	std::span<const float> vector(std::size_t column) const noexcept {
		for (const Piece &piece : vectors_)
			if (piece.column == column)
				return std::span<const float>(floats_).subspan(piece.begin, piece.size);
		return {};
	}

private:
	struct Piece {
		std::uint32_t column;
		std::size_t begin, size;
	};
	static std::uint32_t id(std::size_t column) noexcept { return static_cast<std::uint32_t>(column); }
	std::vector<Value> values_;
	std::vector<Piece> vectors_;
	std::vector<float> floats_;
};

/// Encoded rows; no rows at all when there are no columns. Ordinals of one column are contiguous, and so are its dense values:
/// EncodedColumn tells where.
struct Features {
	math::Csr sparse;	// rows × ordinals, ascending
	math::Matrix dense; // rows × dense values; of the order of one. Rows without metadata are all zero

	std::size_t rows() const noexcept { return dense.rows; }
	bool empty() const noexcept { return sparse.n_columns == 0 && dense.columns == 0; }
};

/// What became of a column.
struct EncodedColumn {
	std::string name;
	FeatureKind kind;
	std::uint32_t sparse_begin = 0, sparse_end = 0; // its ordinals
	std::uint32_t dense_begin = 0, dense_end = 0;	// its dense values
	double filled = 0;								// share of the rows that have a usable value
	std::uint64_t distinct = 0;						// categories or words that occur
	std::string unused;								// why it is not used; empty when it is
	// Numbers:
	double median = 0, scale = 1;
	std::vector<double> edges; // interval i holds the numbers x with edges[i - 1] <= x < edges[i]
	// Vectors: their length
	std::uint32_t length = 0;

	/// Values of the matrix that shortens the vectors; 0 when they are taken as they are.
	std::size_t projection_size() const noexcept {
		const std::size_t width = dense_end - dense_begin;
		return kind == FeatureKind::Vector && width < length ? length * width : 0;
	}
};

/// A text that is filled in fewer rows says more about who was described than about what was.
inline constexpr double kLeastFilledText = 0.85;
/// Categories that fewer rows share tell nothing about another row; of more, the most frequent are kept.
inline constexpr std::uint32_t kLeastRows = 2;
inline constexpr std::size_t kMostCategories = 1 << 14, kMostWords = 1 << 15;
/// Dense values of a text, and of vectors that are longer.
inline constexpr std::size_t kTextRank = 64;

class FeatureEncoder {
public:
	/// What is stored, besides the columns.
	struct Parts {
		std::span<const std::uint64_t> value_offsets; // categories, ordinal by ordinal, in byte order within a column
		std::span<const char> value_bytes;
		std::span<const std::uint64_t> word_offsets; // in byte order
		std::span<const char> word_bytes;
		std::span<const float> word_vectors; // words × dense values of the text
		std::span<const float> projections;	 // of the vector columns one after the other: length × dense values
	};

	FeatureEncoder() = default;
	/// The parts must outlive the encoder and be consistent: word_offsets and value_offsets ascend and end at their bytes'.
	FeatureEncoder(std::vector<EncodedColumn> columns, const Parts &parts);

	const std::vector<EncodedColumn> &columns() const noexcept { return columns_; }
	const Parts &parts() const noexcept { return parts_; }
	std::size_t n_sparse() const noexcept { return n_sparse_; }
	std::size_t n_dense() const noexcept { return n_dense_; }
	/// Encodes a row whose columns are numbered as columns(). `sparse` gets ascending ordinals, `dense` has n_dense() values.
	void encode(const FeatureRow &row, std::vector<std::uint32_t> &sparse, std::span<float> dense) const;

private:
	std::size_t first_string(std::size_t column) const noexcept;
	const float *projection(std::size_t column) const noexcept;
	std::vector<EncodedColumn> columns_;
	Parts parts_;
	std::size_t n_sparse_ = 0, n_dense_ = 0;
};

/// An encoder together with the memory behind it, and the rows it was learned from.
struct LearnedFeatures {
	Features rows;
	FeatureEncoder encoder; // of the memory below
	std::size_t n_described = 0; // rows that had metadata at all

	Budgeted<std::uint64_t> value_offsets, word_offsets;
	Budgeted<char> value_bytes, word_bytes;
	Budgeted<float> word_vectors, projections;

	LearnedFeatures() = default;
	LearnedFeatures(LearnedFeatures &&) = default; // a moved vector keeps its memory
	LearnedFeatures &operator=(LearnedFeatures &&) = default;
};

/// Rows as read. Several rows of one entity are one: categories and words are united, of numbers and vectors the largest counts.
class FeatureTable {
public:
	FeatureTable(std::vector<FeatureColumn> columns, MemoryBudget *budget);
	/// `entity`: a number that the caller gives. Errors: 22023 for vectors of one column that differ in length.
	void add(std::uint32_t entity, const FeatureRow &row);
	std::size_t n_columns() const noexcept { return columns_.size(); }
	/// Learns an encoder and encodes: the row of entity e becomes row ordinals[e] of `n_rows`; kNone leaves it out. The table is
	/// empty afterwards. Row r stands for times[r] rows, for one if `times` is empty. Polls stop, charges the budget.
	LearnedFeatures learn(std::span<const std::uint32_t> ordinals, std::size_t n_rows, Executor &executor, const StopToken &stop,
						  std::span<const std::uint32_t> times = {});

private:
	struct Entry {
		std::uint32_t entity, value; // of numbers and vectors: nothing, the place in `floats`
		float amount;				 // how often a word stands there; the number
	};
	struct Column {
		FeatureColumn spec;
		Budgeted<Entry> entries;
		Interner values;
		Budgeted<float> floats; // of vectors: one after the other, in the order of the entries
		std::size_t length = 0; // of a vector
	};
	friend class FeatureLearner;
	static void add_vector(std::uint32_t entity, Column &column, std::span<const float> values);
	MemoryBudget *budget_;
	std::vector<Column> columns_;
	Budgeted<std::uint32_t> described_; // entities, as they came
};

} // namespace recsys::data
