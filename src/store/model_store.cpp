// A model's sections become rows of at most 1 MB. Only one chunk at a time is in PostgreSQL's memory: each is written
// or read within an SPI connection of its own, whose end frees it, so a model of gigabytes needs no more than its own
// size. The content hash is a hash over the names, sizes and hashes of the sections: it is equal exactly when the bytes
// of the whole artifact are, and the artifact need not be put together for it.
#include "store/model_store.hpp"

#include <algorithm>
#include <charconv>

#include "pg/guard.hpp"

namespace recsys::store {

namespace {

using catalog::Json;

constexpr std::size_t kChunkBytes = 1 << 20;

std::size_t chunks_of(std::size_t bytes) {
	return (bytes + kChunkBytes - 1) / kChunkBytes;
}

bool is_stored(std::int64_t version_id, const std::string &hash) {
	static pg::Plan find{
		"SELECT 1 FROM recsys_internal.model_chunk WHERE version_id = $1 AND section_hash = $2 LIMIT 1",
		{INT8OID, TEXTOID}};
	return find.row({pg::int8(version_id), pg::text(hash)}).has_value();
}

void write_chunk(std::int64_t version_id, const std::string &hash, std::size_t chunk, std::string_view data) {
	static pg::Plan insert{"INSERT INTO recsys_internal.model_chunk (version_id, section_hash, chunk, data)"
						   " VALUES ($1, $2, $3, $4)",
						   {INT8OID, TEXTOID, INT4OID, BYTEAOID}};
	pg::SpiScope memory; // the parameters live in it
	insert.fetch({pg::int8(version_id), pg::text(hash), pg::int4(static_cast<std::int32_t>(chunk)), pg::bytea(data)},
				 pg::Access::Write);
}

void write_section(std::int64_t version_id, const artifact::Writer::Section &section) {
	const std::string hash = section.hash.hex();
	if (is_stored(version_id, hash))
		return;
	const std::string_view bytes(reinterpret_cast<const char *>(section.bytes.data()), section.bytes.size());
	for (std::size_t chunk = 0; chunk < chunks_of(bytes.size()); ++chunk) {
		pg::check_interrupts();
		write_chunk(version_id, hash, chunk, bytes.substr(chunk * kChunkBytes, kChunkBytes));
	}
}

[[noreturn]] void damaged_list() {
	throw Error(sqlstate::DamagedModel, "model is damaged", "The list of its sections is malformed.",
				"Train a new solution version, or restore the model from a backup.");
}

artifact::Hash128 parse_hash(std::string_view hex) {
	const auto word = [hex](std::size_t from) {
		std::uint64_t value = 0;
		const std::string_view digits = hex.substr(std::min(from, hex.size()), 16);
		const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
		if (error != std::errc() || end != digits.data() + 16)
			damaged_list();
		return value;
	};
	return {word(16), word(0)};
}

std::vector<artifact::Layout::Entry> parse_sections(const std::string &json) try {
	std::vector<artifact::Layout::Entry> entries;
	for (const Json &section : Json::parse(json))
		entries.push_back({section.at("name").get<std::string>(), parse_hash(section.at("hash").get<std::string>()),
						   section.at("size").get<std::size_t>(), 0});
	return entries;
} catch (const Json::exception &) {
	damaged_list();
}

// Chunk `chunk` of a section, copied to `out`, which has exactly its size.
void read_chunk(const Revision &revision, const artifact::Layout::Entry &entry, const std::string &hash,
				std::size_t chunk, std::span<std::byte> out) {
	static pg::Plan select{"SELECT data FROM recsys_internal.model_chunk"
						   " WHERE version_id = $1 AND section_hash = $2 AND chunk = $3",
						   {INT8OID, TEXTOID, INT4OID}};
	pg::SpiScope memory;
	const SPITupleTable *table =
		select.fetch({pg::int8(revision.version_id), pg::text(hash), pg::int4(static_cast<std::int32_t>(chunk))},
					 pg::Access::Read, 1);
	bool null = true;
	const Datum value = table->numvals == 1 ? pg::column(table, 0, 0, null) : 0;
	const std::string_view data = null ? std::string_view() : pg::text_view(value);
	if (data.size() != out.size())
		artifact::View::fail(entry.name, "is not stored completely");
	std::memcpy(out.data(), data.data(), data.size());
}

} // namespace

std::string content_hash(const artifact::Writer &model) {
	std::string table = model.recipe();
	for (const artifact::Writer::Section &section : model.sections())
		table += '\n' + section.name + ' ' + section.hash.hex() + ' ' + std::to_string(section.bytes.size());
	return artifact::hash_bytes(std::as_bytes(std::span(table))).hex();
}

int save_model(std::int64_t version_id, const artifact::Writer &model) {
	static pg::Plan insert{
		"INSERT INTO recsys_internal.model_revision (version_id, revision, content_hash, recipe, sections, bytes)"
		" SELECT $1, coalesce(max(revision), 0) + 1, $2, $3, $4, $5"
		" FROM recsys_internal.model_revision WHERE version_id = $1 RETURNING revision",
		{INT8OID, TEXTOID, TEXTOID, JSONBOID, INT8OID}};
	static pg::Plan forget_revisions{"DELETE FROM recsys_internal.model_revision AS m WHERE version_id = $1 AND revision < $2 AND EXISTS"
									 " (SELECT FROM recsys_internal.model_revision AS n WHERE n.version_id = $1 AND n.revision > m.revision"
									 " AND n.created_at < now() - interval '14 days')",
									 {INT8OID, INT4OID}};
	static pg::Plan keep_ids{"UPDATE recsys_internal.model_revision SET sections = (SELECT jsonb_agg(s) FROM jsonb_array_elements(sections) AS s"
							 " WHERE s->>'name' IN ('item.offsets', 'item.bytes')), bytes = (SELECT coalesce(sum((s->>'size')::bigint), 0)"
							 " FROM jsonb_array_elements(sections) AS s WHERE s->>'name' IN ('item.offsets', 'item.bytes'))"
							 " WHERE version_id = $1 AND revision < $2 AND jsonb_array_length(sections) > 2",
							 {INT8OID, INT4OID}};
	static pg::Plan forget_chunks{"DELETE FROM recsys_internal.model_chunk WHERE version_id = $1 AND section_hash NOT IN"
								  " (SELECT s->>'hash' FROM recsys_internal.model_revision AS m, jsonb_array_elements(m.sections) AS s"
								  " WHERE m.version_id = $1)",
								  {INT8OID}};
	pg::AsOwner owner;
	Json sections = Json::array();
	for (const artifact::Writer::Section &section : model.sections()) {
		write_section(version_id, section);
		sections.push_back({{"name", section.name}, {"hash", section.hash.hex()}, {"size", section.bytes.size()}});
	}
	const auto row = insert.row({pg::int8(version_id), pg::text(content_hash(model)), pg::text(model.recipe()),
								 pg::jsonb(sections.dump()), pg::int8(static_cast<std::int64_t>(model.size()))});
	const int revision = static_cast<int>(row.value().int8(0));
	forget_revisions.run({pg::int8(version_id), pg::int4(revision)});
	keep_ids.run({pg::int8(version_id), pg::int4(revision)});
	forget_chunks.run({pg::int8(version_id)});
	return revision;
}

Revision newest_revision(std::int64_t version_id) {
	static pg::Plan select{"SELECT revision, content_hash, recipe, sections FROM recsys_internal.model_revision"
						   " WHERE version_id = $1 ORDER BY revision DESC LIMIT 1",
						   {INT8OID}};
	pg::AsOwner owner;
	const auto row = select.row({pg::int8(version_id)}, pg::Access::Read);
	if (!row)
		throw Error(sqlstate::NotActive, "solution version has no model",
					"Its training has not finished successfully.");
	if (row->text(1).size() != 32)
		throw Error(sqlstate::DamagedModel, "model is damaged", "Its content hash is malformed.",
					"Train a new solution version, or restore the model from a backup.");
	return {version_id, static_cast<int>(row->int8(0)), row->text(1),
			artifact::plan_layout(row->text(2), parse_sections(row->text(3)))};
}

namespace {

void read_section(const Revision &revision, const artifact::Layout::Entry &entry, std::span<std::byte> out) {
	const std::string hash = entry.hash.hex();
	for (std::size_t chunk = 0; chunk < chunks_of(entry.size); ++chunk) {
		pg::check_interrupts();
		const std::size_t begin = chunk * kChunkBytes;
		read_chunk(revision, entry, hash, chunk, out.subspan(begin, std::min(kChunkBytes, entry.size - begin)));
	}
}

} // namespace

void read_model(const Revision &revision, std::span<std::byte> out) {
	pg::AsOwner owner;
	artifact::write_header(revision.layout, out);
	for (const artifact::Layout::Entry &entry : revision.layout.entries)
		read_section(revision, entry, out.subspan(entry.offset, entry.size));
}

std::optional<ItemIds> read_item_ids(std::int64_t group_id, std::int64_t version_id, std::uint64_t revision) {
	static pg::Plan select{"SELECT m.sections FROM recsys_internal.model_revision AS m"
						   " JOIN recsys_internal.solution_version AS v ON v.id = m.version_id"
						   " JOIN recsys_internal.solution AS s ON s.id = v.solution_id"
						   " WHERE s.group_id = $1 AND m.version_id = $2 AND m.revision = $3",
						   {INT8OID, INT8OID, INT8OID}};
	pg::AsOwner owner;
	const auto row = select.row({pg::int8(group_id), pg::int8(version_id), pg::int8(static_cast<std::int64_t>(revision))}, pg::Access::Read);
	if (!row)
		return std::nullopt;
	const Revision stored{version_id, static_cast<int>(revision), {}, {}};
	ItemIds ids;
	for (const artifact::Layout::Entry &entry : parse_sections(row->text(0))) {
		if (entry.name == "item.offsets") {
			ids.offsets.resize(entry.size / sizeof(std::uint64_t));
			read_section(stored, entry, std::as_writable_bytes(std::span(ids.offsets)));
		} else if (entry.name == "item.bytes") {
			ids.bytes.resize(entry.size);
			read_section(stored, entry, std::as_writable_bytes(std::span(ids.bytes)));
		}
	}
	if (ids.offsets.empty() || ids.offsets.front() != 0 || ids.offsets.back() > ids.bytes.size() ||
		!std::is_sorted(ids.offsets.begin(), ids.offsets.end()))
		damaged_list();
	return ids;
}

} // namespace recsys::store
