// The byte format of every model. One contiguous, position-independent artifact:
//
//   Header | section table | section 0 | section 1 | …      each section begins at a multiple of 64 bytes
//
// All integers are little-endian, all arrays are plain (no pointers), so a model is mapped and read in place. The view
// checks every size, offset and checksum before anything is read: a damaged model is an Error (RS007), never a crash.
// Sections are also stored one by one under their hash, so that a revision that changes one section writes only that one.
#include "base/wall.hpp"
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/budget.hpp"
#include "base/error.hpp"

namespace recsys::artifact {

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::size_t kAlignment = 64;
inline constexpr std::size_t kMaxSections = 256;
inline constexpr std::size_t kNameSize = 32; // bytes, zero-padded

struct Hash128 {
	std::uint64_t low = 0, high = 0;
	auto operator<=>(const Hash128 &) const = default;
	std::string hex() const; // 32 lower-case digits
};
Hash128 hash_bytes(std::span<const std::byte> bytes) noexcept; // XXH3, 128 bits

/// Builds a model section by section. Section names are unique and are laid out in the order of their addition.
class Writer {
public:
	/// `recipe` as in the recipe table, e.g. "user-personalization".
	explicit Writer(std::string recipe, MemoryBudget *budget = nullptr);
	template <class T> void add(std::string_view name, std::span<const T> values) {
		static_assert(std::is_trivially_copyable_v<T>);
		add_bytes(name, std::as_bytes(values));
	}
	void add_text(std::string_view name, std::string_view text);

	struct Section {
		std::string name;
		Hash128 hash;
		Budgeted<std::byte> bytes;
	};
	const std::string &recipe() const noexcept { return recipe_; }
	const std::vector<Section> &sections() const noexcept { return sections_; }
	/// The whole artifact in one piece.
	Budgeted<std::byte> finish() const;
	/// Total size of finish(), bytes.
	std::size_t size() const noexcept;

private:
	void add_bytes(std::string_view name, std::span<const std::byte> bytes);
	std::string recipe_;
	MemoryBudget *budget_;
	std::vector<Section> sections_;
};

/// Puts the stored sections of a revision together again, straight into the caller's memory (a shared segment).
struct Layout {
	struct Entry {
		std::string name;
		Hash128 hash;
		std::size_t size;	// bytes
		std::size_t offset; // from the start of the artifact
	};
	std::string recipe;
	std::vector<Entry> entries;
	std::size_t total = 0; // bytes of the artifact
};
/// Computes offsets from names, hashes and sizes. Errors: RS007 for impossible sizes.
Layout plan_layout(std::string recipe, std::vector<Layout::Entry> sections);
/// Writes header and section table to `out` (layout.total bytes); the caller then fills each entry's bytes at its offset.
void write_header(const Layout &layout, std::span<std::byte> out);

/// A validated, zero-copy view. The memory must outlive it and be 64-byte aligned.
class View {
public:
	View() = default;
	/// Checks header, table, bounds and, unless told otherwise, each section's hash. Errors: RS007.
	explicit View(std::span<const std::byte> bytes, bool check_hashes = true);
	std::string_view recipe() const noexcept { return recipe_; }
	bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
	/// Errors: RS007 when the section is missing or its size is not a multiple of sizeof(T).
	template <class T> std::span<const T> get(std::string_view name) const {
		static_assert(std::is_trivially_copyable_v<T>);
		const std::span<const std::byte> raw = raw_section(name, sizeof(T));
		return {reinterpret_cast<const T *>(raw.data()), raw.size() / sizeof(T)};
	}
	/// As get, and the number of elements must be `count`.
	template <class T> std::span<const T> get(std::string_view name, std::size_t count) const {
		const std::span<const T> s = get<T>(name);
		if (s.size() != count)
			fail(name, "has an unexpected size");
		return s;
	}
	std::string_view text(std::string_view name) const {
		const auto s = get<char>(name);
		return {s.data(), s.size()};
	}
	std::size_t size() const noexcept { return bytes_.size(); }
	[[noreturn]] static void fail(std::string_view section, const char *what);

private:
	struct Entry {
		std::string_view name;
		std::span<const std::byte> bytes;
	};
	const Entry *find(std::string_view name) const noexcept;
	std::span<const std::byte> raw_section(std::string_view name, std::size_t element) const;
	std::span<const std::byte> bytes_;
	std::string_view recipe_;
	std::vector<Entry> entries_;
};

/// Ids as two sections, `<name>.offsets` and `<name>.bytes`, sorted by bytes: the stored form of data::IdDictionary.
class IdView {
public:
	IdView() = default;
	/// Validates that offsets ascend and stay inside the bytes. Errors: RS007.
	IdView(const View &view, std::string_view name);
	std::size_t size() const noexcept { return offsets_.empty() ? 0 : offsets_.size() - 1; }
	std::string_view operator[](std::uint32_t ordinal) const noexcept {
		return {bytes_.data() + offsets_[ordinal], static_cast<std::size_t>(offsets_[ordinal + 1] - offsets_[ordinal])};
	}
	/// 0xffffffff when unknown.
	std::uint32_t find(std::string_view id) const noexcept;

private:
	std::span<const std::uint64_t> offsets_;
	std::span<const char> bytes_;
};

} // namespace recsys::artifact
