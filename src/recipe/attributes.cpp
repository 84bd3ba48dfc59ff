#include "recipe/attributes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace recsys::recipe {

namespace {

constexpr std::size_t kMaxCategories = 254;
constexpr std::uint32_t kExactFloats = 1 << 24; // further numbers of categories would be rounded
constexpr float kAbsentValue = std::numeric_limits<float>::quiet_NaN();

/// Strings as two sections that artifact::View reads back; unlike ids they are in any order.
void write_strings(artifact::Writer &writer, const std::string &name, const std::vector<std::string> &strings) {
	std::vector<std::uint64_t> offsets{0};
	std::string bytes;
	for (const std::string &s : strings) {
		bytes += s;
		offsets.push_back(bytes.size());
	}
	writer.add<std::uint64_t>(name + ".offsets", offsets);
	writer.add<char>(name + ".bytes", bytes);
}

std::vector<std::string> read_strings(const artifact::View &view, const std::string &name) {
	const artifact::IdView strings(view, name);
	std::vector<std::string> out;
	for (std::uint32_t i = 0; i < strings.size(); ++i)
		out.emplace_back(strings[i]);
	return out;
}

} // namespace

float AttributeEncoder::number(double value) noexcept {
	const auto narrow = static_cast<float>(value);
	return std::isfinite(narrow) ? narrow : kAbsentValue;
}

float AttributeEncoder::category(std::size_t column, std::string_view value) const noexcept {
	const std::vector<Category> &known = categories_[column];
	const auto at = std::lower_bound(known.begin(), known.end(), value,
									 [](const Category &c, std::string_view v) { return std::string_view(c.value) < v; });
	return at != known.end() && at->value == value ? at->code : kAbsentValue;
}

void AttributeEncoder::write(artifact::Writer &writer, std::string_view name) const {
	std::vector<std::string> names, values;
	std::vector<std::uint32_t> counts; // of categories; none for numbers
	std::vector<float> codes;
	for (std::size_t c = 0; c < columns_.size(); ++c) {
		names.push_back(columns_[c].name);
		counts.push_back(static_cast<std::uint32_t>(categories_[c].size()));
		for (const Category &category : categories_[c]) {
			values.push_back(category.value);
			codes.push_back(category.code);
		}
	}
	std::vector<std::uint8_t> kinds;
	for (const AttributeColumn &column : columns_)
		kinds.push_back(column.categorical ? 1 : 0);
	const std::string prefix(name);
	write_strings(writer, prefix + ".columns", names);
	writer.add<std::uint8_t>(prefix + ".kinds", kinds);
	writer.add<std::uint32_t>(prefix + ".counts", counts);
	write_strings(writer, prefix + ".categories", values);
	writer.add<float>(prefix + ".codes", codes);
}

AttributeEncoder::AttributeEncoder(const artifact::View &view, std::string_view name) {
	const std::string prefix(name);
	const std::vector<std::string> names = read_strings(view, prefix + ".columns"),
								   values = read_strings(view, prefix + ".categories");
	const auto kinds = view.get<std::uint8_t>(prefix + ".kinds", names.size());
	const auto counts = view.get<std::uint32_t>(prefix + ".counts", names.size());
	const auto codes = view.get<float>(prefix + ".codes", values.size());
	std::size_t next = 0;
	for (std::size_t c = 0; c < names.size(); ++c) {
		columns_.push_back({names[c], kinds[c] != 0});
		if (counts[c] > values.size() - next)
			artifact::View::fail(prefix + ".counts", "does not match the categories");
		std::vector<Category> &known = categories_.emplace_back();
		for (std::uint32_t i = 0; i < counts[c]; ++i, ++next)
			known.push_back({values[next], codes[next]});
	}
}

AttributeTable::AttributeTable(std::vector<AttributeColumn> columns, MemoryBudget *budget)
	: columns_(std::move(columns)), ids_(budget), values_(BudgetAllocator<float>(budget)) {
	for (std::size_t c = 0; c < columns_.size(); ++c)
		categories_.emplace_back(budget);
}

void AttributeTable::row(std::string_view id) {
	row_ = ids_.intern(id);
	if (values_.size() < ids_.size() * columns_.size())
		values_.resize(ids_.size() * columns_.size());
	std::fill_n(values_.begin() + static_cast<std::ptrdiff_t>(at(0)), columns_.size(), kAbsentValue);
}

void AttributeTable::category(std::size_t column, std::string_view value) {
	const std::uint32_t number = categories_[column].intern(value);
	values_[at(column)] = number < kExactFloats ? static_cast<float>(number) : kAbsentValue;
}

AttributeEncoder AttributeTable::encode() {
	AttributeEncoder encoder;
	encoder.columns_ = columns_;
	encoder.categories_.resize(columns_.size());
	for (std::size_t c = 0; c < columns_.size(); ++c) {
		const data::Interner &values = categories_[c];
		if (!columns_[c].categorical)
			continue;
		std::vector<std::uint32_t> count(values.size(), 0), order(values.size());
		for (std::size_t r = 0; r < size(); ++r)
			if (const float v = values_[r * columns_.size() + c]; !std::isnan(v))
				++count[static_cast<std::size_t>(v)];
		std::iota(order.begin(), order.end(), 0u);
		std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
			return count[a] != count[b] ? count[a] > count[b] : values[a] < values[b];
		});
		std::vector<float> code(values.size(), kAbsentValue);
		for (std::size_t i = 0; i < std::min(order.size(), kMaxCategories); ++i) {
			code[order[i]] = static_cast<float>(i);
			encoder.categories_[c].push_back({std::string(values[order[i]]), static_cast<float>(i)});
		}
		std::sort(encoder.categories_[c].begin(), encoder.categories_[c].end(),
				  [](const auto &a, const auto &b) { return a.value < b.value; });
		for (std::size_t r = 0; r < size(); ++r)
			if (float &v = values_[r * columns_.size() + c]; !std::isnan(v))
				v = code[static_cast<std::size_t>(v)];
	}
	return encoder;
}

} // namespace recsys::recipe
