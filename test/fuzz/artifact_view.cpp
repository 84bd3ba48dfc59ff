// Fuzzes the reader of models. Three ways in: the bytes as they are (header and table), a well-formed artifact whose
// sections hold what the fuzzer likes (a right checksum over lying content), and the same with bytes changed and
// checksums not asked for. Whatever opens is read as a server would read it. Only Error RS007 may come out.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "artifact/artifact.hpp"
#include "math/top_k.hpp"
#include "recipe/recipe.hpp"

using namespace recsys;

namespace {

constexpr std::size_t kMaxItems = 1 << 16;

void read(std::span<const std::byte> bytes, bool check_hashes) {
	try {
		const artifact::View view(bytes, check_hashes);
		try {
			const artifact::IdView ids(view, "item");
			for (std::uint32_t i = 0; i < ids.size(); ++i)
				if (ids.find(ids[i]) == i && ids[i].size() > bytes.size())
					std::abort();
			ids.find("x");
		} catch (const Error &e) {
			if (std::strcmp(e.sqlstate(), sqlstate::DamagedModel) != 0)
				std::abort();
		}
		const recipe::RecipeSpec *spec = recipe::find_recipe(view.recipe());
		if (spec == nullptr)
			return;
		const auto scorer = spec->open(view);
		if (scorer->n_items() > kMaxItems)
			return;
		recipe::Scores scores;
		math::DescendingOrder order;
		const recipe::Event history[] = {{0, 5, 1}, {static_cast<std::uint32_t>(scorer->n_items() / 2), 6, -1}};
		for (std::uint32_t item = 0; item <= std::min<std::size_t>(scorer->n_items(), 8); ++item) {
			recipe::Query query;
			query.item = item;
			if (scorer->n_items() > 0)
				query.history = std::span(history).first(std::min<std::size_t>(2, scorer->max_history()));
			scorer->score(query, scores);
			order.reset(scores.logit);
			order.next(25);
			order.next(100);
		}
	} catch (const Error &e) {
		if (std::strcmp(e.sqlstate(), sqlstate::DamagedModel) != 0)
			std::abort();
	}
}

/// Consumes the input front to back.
struct Input {
	const std::uint8_t *data;
	std::size_t size;
	std::size_t number(std::size_t limit) {
		if (size == 0)
			return 0;
		--size;
		return *data++ % limit;
	}
	std::string_view bytes(std::size_t n) {
		n = std::min(n, size);
		const std::string_view taken(reinterpret_cast<const char *>(data), n);
		data += n;
		size -= n;
		return taken;
	}
};

artifact::Writer write(Input &in) {
	static constexpr const char *kNames[] = {"item.offsets",  "item.bytes",          "item.flags",
											 "summary",       "popularity.logit",    "neighbor.offsets",
											 "neighbor.item", "neighbor.similarity", "other"};
	const auto all = recipe::recipes();
	artifact::Writer writer(std::string(all[in.number(all.size())].name));
	for (const char *name : kNames) {
		const std::size_t words = in.number(24);
		if (words == 23)
			continue; // a missing section
		// Small numbers make plausible offsets and ordinals: widen bytes to words of the section's own width.
		const std::string_view raw = in.bytes(words);
		if (in.number(2) == 0) {
			writer.add_text(name, raw);
		} else if (std::strstr(name, "offsets") != nullptr) {
			std::vector<std::uint64_t> wide(raw.begin(), raw.end());
			std::sort(wide.begin(), wide.end());
			writer.add<std::uint64_t>(name, wide);
		} else if (std::strstr(name, "neighbor.item") != nullptr) {
			writer.add<std::uint32_t>(name, std::vector<std::uint32_t>(raw.begin(), raw.end()));
		} else {
			writer.add<float>(name, std::vector<float>(raw.begin(), raw.end()));
		}
	}
	return writer;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
	Input in{data, size};
	const std::size_t way = in.number(3);
	if (way == 0) {
		Budgeted<std::byte> aligned(in.size);
		if (in.size > 0)
			std::memcpy(aligned.data(), in.data, in.size);
		read(aligned, true);
		return 0;
	}
	Budgeted<std::byte> model = write(in).finish();
	if (way == 2)
		while (in.size >= 3) {
			const std::size_t at = in.number(256) * 256 + in.number(256);
			model[at % model.size()] ^= static_cast<std::byte>(in.number(256));
		}
	read(model, way == 1);
	return 0;
}
