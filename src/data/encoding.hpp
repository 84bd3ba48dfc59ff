// The few formulas by which a value becomes a feature, the same for rows that an encoder is learned from and for later ones.
#include "base/wall.hpp"
#pragma once

#include <span>
#include <utility>

#include "data/features.hpp"

namespace recsys::data {

/// The ordinal of the interval that a number lies in.
std::uint32_t interval_of(const EncodedColumn &column, double number) noexcept;
/// Distance from the median, in units of the usual spread.
float scaled(const EncodedColumn &column, double number) noexcept;
/// Of length one; shortened by `projection` unless it is null.
void encode_vector(const EncodedColumn &column, std::span<const float> values, const float *projection,
				   std::span<float> out) noexcept;
/// How much a word counts that stands there so often.
float word_weight(float times) noexcept;
/// The weighted sum of the words' vectors, of length one. Words as (row of `vectors`, how often).
void encode_words(std::span<const std::pair<std::uint32_t, float>> words, const float *vectors, std::span<float> out) noexcept;
bool all_finite(std::span<const float> values) noexcept;

} // namespace recsys::data
