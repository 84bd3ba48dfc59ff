#include "data/ideographs.hpp"

#include "store/metadata_reader.hpp"

#include <algorithm>

#include "catalog/fields.hpp"

namespace recsys::store {

namespace {

using catalog::Role;
using data::FeatureKind;

constexpr int kMostCharacters = 20000; // of a text: what stands behind them is not read

std::string_view trimmed(std::string_view s) {
	constexpr std::string_view kBlank = " \t\r\n\f\v";
	const std::size_t first = s.find_first_not_of(kBlank);
	return first == std::string_view::npos ? std::string_view() : s.substr(first, s.find_last_not_of(kBlank) - first + 1);
}

double number(Datum value, Oid type) {
	switch (type) {
	case INT2OID:
		return DatumGetInt16(value);
	case INT4OID:
		return DatumGetInt32(value);
	case INT8OID:
		return static_cast<double>(DatumGetInt64(value));
	case FLOAT4OID:
		return static_cast<double>(DatumGetFloat4(value));
	default:
		return DatumGetFloat8(value);
	}
}

} // namespace

MetadataReader::MetadataReader(const catalog::Dataset &dataset, const std::vector<std::string> &excluded)
	: utf8_(pg::database_is_utf8()) {
	for (const catalog::Field &f : dataset.fields)
		if (std::find(excluded.begin(), excluded.end(), f.name) == excluded.end())
			add(f, fields_.size());
}

MetadataReader::MetadataReader(const catalog::Dataset &dataset, const data::FeatureEncoder &encoder)
	: utf8_(pg::database_is_utf8()), scratch_(TopMemoryContext) {
	for (std::size_t c = 0; c < encoder.columns().size(); ++c) {
		const data::EncodedColumn &column = encoder.columns()[c];
		const catalog::Field *field = dataset.field(column.name);
		if (field == nullptr || column.sparse_begin == column.sparse_end)
			continue;
		add(*field, c);
		if (!fields_.empty() && fields_.back().column == c && fields_.back().kind != column.kind)
			fields_.pop_back(); // another role by now
	}
}

void MetadataReader::add(const catalog::Field &field, std::size_t column) {
	if (field.role == Role::Categorical)
		fields_.push_back({field, FeatureKind::Category, column});
	else if (field.role == Role::Numeric)
		fields_.push_back({field, FeatureKind::Number, column});
	else if (field.role == Role::Textual)
		fields_.push_back({field, FeatureKind::Text, column, catalog::require_language(field.name, field.language)});
}

std::vector<data::FeatureColumn> MetadataReader::columns() const {
	std::vector<data::FeatureColumn> columns;
	for (const Field &f : fields_)
		columns.push_back({f.field.name, f.kind});
	return columns;
}

std::vector<std::string> MetadataReader::names() const {
	std::vector<std::string> names;
	for (const Field &f : fields_)
		names.push_back(f.field.name);
	return names;
}

void MetadataReader::read_field(std::size_t f, Datum value, bool null, Oid type) {
	const Field &field = fields_[f];
	switch (field.kind) {
	case FeatureKind::Category:
		if (null)
			return;
		if (type == TEXTOID)
			return read_categories(pg::text_view(value), field.column, row_);
		return row_.category(field.column, texts_.emplace_back(pg::output(value, type)));
	case FeatureKind::Number:
		if (!null)
			row_.number(field.column, number(value, type));
		return;
	case FeatureKind::Text: {
		const std::string_view text = null ? std::string_view() : trimmed(pg::text_view(value));
		return read_words(f, text.empty() ? std::string_view(field.field.text_null_fill) : text);
	}
	case FeatureKind::Vector:
		return;
	}
}

void read_categories(std::string_view text, std::size_t column, data::FeatureRow &row) {
	for (std::size_t begin = 0; begin <= text.size();) {
		const std::size_t end = std::min(text.find('|', begin), text.size());
		if (const std::string_view one = trimmed(text.substr(begin, end - begin)); !one.empty())
			row.category(column, one);
		begin = end + 1;
	}
}

void MetadataReader::read_words(std::size_t f, std::string_view text) {
	if (text.empty())
		return;
	text = pg::clip(text, kMostCharacters);
	pairs_.clear();
	if (utf8_ && data::take_ideographs(text, rest_, pairs_))
		text = rest_;
	pg::lexemes(fields_[f].config, text, lexemes_);
	for (const pg::Lexeme &lexeme : lexemes_)
		row_.word(fields_[f].column, lexeme.text, static_cast<float>(lexeme.times));
	std::sort(pairs_.begin(), pairs_.end());
	for (std::size_t begin = 0, end = 0; begin < pairs_.size(); begin = end) {
		while (end < pairs_.size() && pairs_[end] == pairs_[begin])
			++end;
		row_.word(fields_[f].column, pairs_[begin], static_cast<float>(end - begin));
	}
}

} // namespace recsys::store
