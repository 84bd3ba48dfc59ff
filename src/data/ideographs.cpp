#include "data/ideographs.hpp"

#include <algorithm>
#include <cstdint>

namespace recsys::data {

namespace {

struct Character {
	std::uint32_t code;
	std::size_t size; // bytes; 1 for a byte that begins no character
};

Character decode(std::string_view text, std::size_t at) noexcept {
	const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
	const std::uint32_t first = byte(at);
	const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	if (size == 1 || at + size > text.size())
		return {first, 1};
	std::uint32_t code = first & (0x7fu >> size);
	for (std::size_t i = 1; i < size; ++i)
		code = code << 6 | (byte(at + i) & 0x3f);
	return {code, size};
}

bool is_ideograph(std::uint32_t code) noexcept {
	constexpr struct {
		std::uint32_t first, last;
	} kRanges[] = {{0x3005, 0x3007}, {0x3041, 0x30ff}, {0x31f0, 0x31ff}, {0x3400, 0x4dbf},
				   {0x4e00, 0x9fff}, {0xf900, 0xfaff}, {0xff66, 0xff9f}, {0x20000, 0x3ffff}};
	return std::any_of(std::begin(kRanges), std::end(kRanges), [&](const auto &r) { return code >= r.first && code <= r.last; });
}

} // namespace

bool take_ideographs(std::string_view text, std::string &rest, std::vector<std::string> &pairs) {
	pairs.clear();
	// The first of them begins with the byte 0xe3: most texts are done here.
	if (std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xe3; }))
		return false;
	std::string others;
	for (std::size_t at = 0; at < text.size();) {
		Character c = decode(text, at);
		if (!is_ideograph(c.code)) {
			others.append(text, at, c.size);
			at += c.size;
			continue;
		}
		others += ' ';
		std::size_t before = at;
		at += c.size;
		bool alone = true;
		for (; at < text.size() && is_ideograph((c = decode(text, at)).code); alone = false) {
			pairs.emplace_back(text.substr(before, at + c.size - before));
			before = at;
			at += c.size;
		}
		if (alone)
			pairs.emplace_back(text.substr(before, at - before));
	}
	if (pairs.empty())
		return false;
	rest = std::move(others);
	return true;
}

} // namespace recsys::data
