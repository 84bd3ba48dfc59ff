// On disk and in shared memory a model is: one 64-byte header, one 64-byte entry a section, the sections. The layout is
// canonical: names, sizes and order of the sections decide every offset, so the reader recomputes the offsets instead
// of trusting them, and equal sections make equal bytes, padding included.
#include "artifact/artifact.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>

#include "base/hash.hpp"

namespace recsys::artifact {

static_assert(std::endian::native == std::endian::little, "models are little-endian and read in place");

namespace {

constexpr char kMagic[8] = {'R', 'E', 'C', 'S', 'Y', 'S', 'M', '\n'}; // the newline finds text-mode transfers

struct Header {
	char magic[8];
	std::uint32_t format_version, n_sections;
	std::uint64_t total;      // bytes of the artifact
	std::uint64_t table_hash; // XXH3 of the header with 0 here, and of the section table
	char recipe[kNameSize];
};
static_assert(sizeof(Header) == kAlignment);

struct TableEntry {
	char name[kNameSize];
	std::uint64_t hash_low, hash_high, offset, size;
};
static_assert(sizeof(TableEntry) == kAlignment);

[[noreturn]] void damaged(std::string detail) {
	throw Error(sqlstate::DamagedModel, "model is damaged", std::move(detail),
				"Train a new solution version, or restore the model from a backup.");
}

std::size_t aligned(std::size_t n) noexcept {
	return (n + kAlignment - 1) / kAlignment * kAlignment;
}

bool valid_name(std::string_view name) noexcept {
	return !name.empty() && name.size() <= kNameSize && name.find('\0') == std::string_view::npos;
}

void put_name(char (&field)[kNameSize], std::string_view name) noexcept {
	std::fill(std::begin(field), std::end(field), '\0');
	std::copy(name.begin(), name.end(), field);
}

/// Null-terminated unless it fills the field; nothing may follow the null.
std::string_view get_name(const char (&field)[kNameSize]) {
	const char *end = std::find(std::begin(field), std::end(field), '\0');
	const std::string_view name(field, static_cast<std::size_t>(end - field));
	if (name.empty() || std::any_of(end, std::end(field), [](char c) { return c != '\0'; }))
		damaged("A name in its header is malformed.");
	return name;
}

std::uint64_t table_hash(Header header, std::span<const TableEntry> table) noexcept {
	header.table_hash = 0;
	const std::uint64_t first = hash64({reinterpret_cast<const char *>(&header), sizeof header});
	return hash64({reinterpret_cast<const char *>(table.data()), table.size_bytes()}, first);
}

} // namespace

std::string Hash128::hex() const {
	static constexpr char kDigits[] = "0123456789abcdef";
	std::string text(32, '0');
	for (std::size_t i = 0; i < 16; ++i) {
		text[15 - i] = kDigits[high >> (4 * i) & 15];
		text[31 - i] = kDigits[low >> (4 * i) & 15];
	}
	return text;
}

Hash128 hash_bytes(std::span<const std::byte> bytes) noexcept {
	const auto [low, high] = hash128(bytes);
	return {low, high};
}

Writer::Writer(std::string recipe, MemoryBudget *budget) : recipe_(std::move(recipe)), budget_(budget) {
	if (!valid_name(recipe_))
		throw std::logic_error("artifact: invalid recipe name");
}

void Writer::add_text(std::string_view name, std::string_view text) {
	add_bytes(name, std::as_bytes(std::span(text)));
}

void Writer::add_bytes(std::string_view name, std::span<const std::byte> bytes) {
	const auto same = [&](const Section &section) { return section.name == name; };
	if (!valid_name(name) || sections_.size() == kMaxSections || std::any_of(sections_.begin(), sections_.end(), same))
		throw std::logic_error("artifact: section \"" + std::string(name) + "\" is invalid, repeated or one too many");
	sections_.push_back({std::string(name), hash_bytes(bytes),
						 Budgeted<std::byte>(bytes.begin(), bytes.end(), BudgetAllocator<std::byte>(budget_))});
}

std::size_t Writer::size() const noexcept {
	std::size_t total = sizeof(Header) + sections_.size() * sizeof(TableEntry);
	for (const Section &section : sections_)
		total += aligned(section.bytes.size());
	return total;
}

Budgeted<std::byte> Writer::finish() const {
	std::vector<Layout::Entry> entries;
	for (const Section &section : sections_)
		entries.push_back({section.name, section.hash, section.bytes.size(), 0});
	const Layout layout = plan_layout(recipe_, std::move(entries));
	Budgeted<std::byte> out(layout.total, std::byte{0}, BudgetAllocator<std::byte>(budget_));
	write_header(layout, out);
	for (std::size_t i = 0; i < sections_.size(); ++i)
		std::copy(sections_[i].bytes.begin(), sections_[i].bytes.end(), out.data() + layout.entries[i].offset);
	return out;
}

Layout plan_layout(std::string recipe, std::vector<Layout::Entry> sections) {
	if (!valid_name(recipe) || sections.size() > kMaxSections)
		damaged("It has an impossible recipe name or number of sections.");
	std::size_t end = sizeof(Header) + sections.size() * sizeof(TableEntry);
	for (std::size_t i = 0; i < sections.size(); ++i) {
		Layout::Entry &entry = sections[i];
		if (!valid_name(entry.name))
			damaged("It has a section with an impossible name.");
		for (std::size_t j = 0; j < i; ++j)
			if (sections[j].name == entry.name)
				damaged("It has two sections \"" + entry.name + "\".");
		if (entry.size > std::numeric_limits<std::size_t>::max() / 2 - end)
			damaged("Section \"" + entry.name + "\" has an impossible size.");
		entry.offset = end;
		end += aligned(entry.size);
	}
	return {std::move(recipe), std::move(sections), end};
}

void write_header(const Layout &layout, std::span<std::byte> out) {
	if (out.size() != layout.total)
		throw std::logic_error("artifact: memory does not have the size of the layout");
	Header header{};
	std::copy(std::begin(kMagic), std::end(kMagic), header.magic);
	header.format_version = kFormatVersion;
	header.n_sections = static_cast<std::uint32_t>(layout.entries.size());
	header.total = layout.total;
	put_name(header.recipe, layout.recipe);
	std::vector<TableEntry> table;
	for (const Layout::Entry &entry : layout.entries) {
		table.push_back({{}, entry.hash.low, entry.hash.high, entry.offset, entry.size});
		put_name(table.back().name, entry.name);
		const std::size_t end = entry.offset + entry.size;
		std::fill_n(out.data() + end, aligned(end) - end, std::byte{0});
	}
	header.table_hash = table_hash(header, table);
	std::memcpy(out.data(), &header, sizeof header);
	if (!table.empty())
		std::memcpy(out.data() + sizeof header, table.data(), table.size() * sizeof(TableEntry));
}

View::View(std::span<const std::byte> bytes, bool check_hashes) : bytes_(bytes) {
	if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kAlignment != 0)
		throw std::logic_error("artifact: memory is not aligned");
	if (bytes.size() < sizeof(Header))
		damaged("It is shorter than its header.");
	const auto &header = *reinterpret_cast<const Header *>(bytes.data());
	if (!std::equal(std::begin(kMagic), std::end(kMagic), header.magic))
		damaged("It does not begin as a model does.");
	if (header.format_version != kFormatVersion)
		damaged("Its format is version " + std::to_string(header.format_version) + ", this library reads version " +
				std::to_string(kFormatVersion) + ".");
	if (header.total != bytes.size() || header.n_sections > kMaxSections ||
		(bytes.size() - sizeof(Header)) / sizeof(TableEntry) < header.n_sections)
		damaged("It has " + std::to_string(bytes.size()) + " bytes instead of " + std::to_string(header.total) + ".");
	const std::span<const TableEntry> table(reinterpret_cast<const TableEntry *>(bytes.data() + sizeof(Header)),
											header.n_sections);
	if (header.table_hash != table_hash(header, table))
		damaged("The checksum of its section table is wrong.");
	recipe_ = get_name(header.recipe);
	std::vector<Layout::Entry> planned;
	for (const TableEntry &entry : table)
		planned.push_back({std::string(get_name(entry.name)), {entry.hash_low, entry.hash_high}, entry.size, 0});
	const Layout layout = plan_layout(std::string(recipe_), std::move(planned));
	if (layout.total != bytes.size())
		damaged("Its sections do not fill it.");
	for (std::size_t i = 0; i < table.size(); ++i) {
		const Layout::Entry &entry = layout.entries[i];
		const std::span<const std::byte> section = bytes.subspan(entry.offset, entry.size);
		if (table[i].offset != entry.offset)
			fail(entry.name, "is not where it must be");
		const std::size_t end = entry.offset + entry.size;
		const auto padding = bytes.subspan(end, aligned(end) - end);
		if (check_hashes &&
			(hash_bytes(section) != entry.hash ||
			 std::any_of(padding.begin(), padding.end(), [](std::byte b) { return b != std::byte{0}; })))
			fail(entry.name, "has a wrong checksum");
		entries_.push_back({get_name(table[i].name), section});
	}
}

void View::fail(std::string_view section, const char *what) {
	damaged("Section \"" + std::string(section) + "\" " + what + ".");
}

const View::Entry *View::find(std::string_view name) const noexcept {
	for (const Entry &entry : entries_)
		if (entry.name == name)
			return &entry;
	return nullptr;
}

std::span<const std::byte> View::raw_section(std::string_view name, std::size_t element) const {
	const Entry *entry = find(name);
	if (entry == nullptr)
		fail(name, "is missing");
	if (entry->bytes.size() % element != 0)
		fail(name, "has an impossible size");
	return entry->bytes;
}

IdView::IdView(const View &view, std::string_view name) {
	const std::string offsets_name = std::string(name) + ".offsets", bytes_name = std::string(name) + ".bytes";
	offsets_ = view.get<std::uint64_t>(offsets_name);
	bytes_ = view.get<char>(bytes_name);
	if (offsets_.empty() || offsets_.front() != 0 || offsets_.back() != bytes_.size() ||
		!std::is_sorted(offsets_.begin(), offsets_.end()) || offsets_.size() - 1 > 0xfffffffeu)
		View::fail(offsets_name, "does not fit its ids");
}

std::uint32_t IdView::find(std::string_view id) const noexcept {
	std::size_t low = 0, high = size();
	while (low < high) {
		const std::size_t middle = low + (high - low) / 2;
		if ((*this)[static_cast<std::uint32_t>(middle)] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < size() && (*this)[static_cast<std::uint32_t>(low)] == id ? static_cast<std::uint32_t>(low)
																		  : 0xffffffffu;
}

} // namespace recsys::artifact
