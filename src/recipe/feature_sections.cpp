#include "recipe/feature_sections.hpp"

#include "recipe/update.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

namespace recsys::recipe {

namespace {

using data::EncodedColumn;
using data::FeatureKind;
using nlohmann::json;

json to_json(const EncodedColumn &c) {
	return {{"name", c.name},	{"kind", data::to_string(c.kind)},			 {"sparse", {c.sparse_begin, c.sparse_end}},
			{"unused", c.unused}, {"dense", {c.dense_begin, c.dense_end}},	 {"filled", c.filled},
			{"median", c.median}, {"scale", c.scale},						 {"edges", c.edges},
			{"length", c.length}, {"distinct", c.distinct}};
}

EncodedColumn from_json(const json &j) {
	EncodedColumn c;
	c.name = j.at("name");
	for (const FeatureKind kind : {FeatureKind::Category, FeatureKind::Number, FeatureKind::Text, FeatureKind::Vector})
		if (j.at("kind") == data::to_string(kind))
			c.kind = kind;
	c.sparse_begin = j.at("sparse").at(0);
	c.sparse_end = j.at("sparse").at(1);
	c.dense_begin = j.at("dense").at(0);
	c.dense_end = j.at("dense").at(1);
	c.filled = j.at("filled");
	c.distinct = j.at("distinct");
	c.unused = j.at("unused");
	c.median = j.at("median");
	c.scale = j.at("scale");
	c.edges = j.at("edges").get<std::vector<double>>();
	c.length = j.at("length");
	return c;
}

/// The columns follow one another, and their parts are as long as they say.
bool consistent(const std::vector<EncodedColumn> &columns, const data::FeatureEncoder::Parts &parts) {
	std::size_t sparse = 0, dense = 0, values = 0, words = 0, projections = 0;
	for (const EncodedColumn &c : columns) {
		if (c.sparse_begin != sparse || c.dense_begin != dense || c.sparse_end < sparse || c.dense_end < dense || !(c.scale > 0))
			return false;
		sparse = c.sparse_end;
		dense = c.dense_end;
		const std::size_t width = c.dense_end - c.dense_begin, n = c.sparse_end - c.sparse_begin;
		projections += c.projection_size();
		if (c.kind == FeatureKind::Category)
			values += n;
		if (c.kind == FeatureKind::Number && c.unused.empty() && (n != c.edges.size() + 1 || width != 1))
			return false;
		if (c.kind == FeatureKind::Text)
			words += (parts.word_offsets.size() - 1) * width;
		if (c.kind == FeatureKind::Vector && c.unused.empty() && (width == 0 || width > c.length))
			return false;
	}
	return values + 1 == parts.value_offsets.size() && words == parts.word_vectors.size() && projections == parts.projections.size();
}

bool ascending(std::span<const std::uint64_t> offsets, std::size_t bytes) {
	return !offsets.empty() && offsets.front() == 0 && offsets.back() == bytes && std::is_sorted(offsets.begin(), offsets.end());
}

} // namespace

void write_features(artifact::Writer &writer, std::string_view name, const data::FeatureEncoder &encoder) {
	const std::string prefix(name);
	json columns = json::array();
	for (const EncodedColumn &column : encoder.columns())
		columns.push_back(to_json(column));
	writer.add_text(prefix + ".columns", columns.dump(-1, ' ', false, json::error_handler_t::replace));
	const data::FeatureEncoder::Parts &parts = encoder.parts();
	writer.add<std::uint64_t>(prefix + ".values.offsets", parts.value_offsets);
	writer.add<char>(prefix + ".values.bytes", parts.value_bytes);
	writer.add<std::uint64_t>(prefix + ".words.offsets", parts.word_offsets);
	writer.add<char>(prefix + ".words.bytes", parts.word_bytes);
	writer.add<float>(prefix + ".word_vectors", parts.word_vectors);
	writer.add<float>(prefix + ".projections", parts.projections);
}

void copy_features(const artifact::View &old, std::string_view name, artifact::Writer &writer) {
	for (const char *part : {".columns", ".values.offsets", ".values.bytes", ".words.offsets", ".words.bytes", ".word_vectors",
							 ".projections"})
		copy_section(old, std::string(name) + part, writer);
}

data::FeatureEncoder open_features(const artifact::View &view, std::string_view name) {
	const std::string prefix(name);
	const data::FeatureEncoder::Parts parts{view.get<std::uint64_t>(prefix + ".values.offsets"), view.get<char>(prefix + ".values.bytes"),
											view.get<std::uint64_t>(prefix + ".words.offsets"),	 view.get<char>(prefix + ".words.bytes"),
											view.get<float>(prefix + ".word_vectors"),			 view.get<float>(prefix + ".projections")};
	std::vector<EncodedColumn> columns;
	try {
		for (const json &column : json::parse(view.text(prefix + ".columns")))
			columns.push_back(from_json(column));
	} catch (const json::exception &) {
		artifact::View::fail(prefix + ".columns", "is not what an encoder wrote");
	}
	if (!ascending(parts.value_offsets, parts.value_bytes.size()) || !ascending(parts.word_offsets, parts.word_bytes.size()) ||
		!consistent(columns, parts))
		artifact::View::fail(prefix + ".columns", "does not fit the other parts");
	return data::FeatureEncoder(std::move(columns), parts);
}

} // namespace recsys::recipe
