// Fuzzes the reader of models. Four ways in: the bytes as they are (header and table), a well-formed artifact whose
// sections hold what the fuzzer likes (a right checksum over lying content), the same with bytes changed and
// checksums not asked for, and trained models of every recipe with one section damaged. Whatever opens is read as a server would read it. Only Error RS007 may come out.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "artifact/artifact.hpp"
#include "math/top_k.hpp"
#include "recipe/counted_pairs.hpp"
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
			if (item < scorer->n_items() && view.has("pairs.histories")) {
				std::vector<math::Scored> neighbours;
				recipe::CountedPairs(view, scorer->n_items()).neighbours(item, neighbours);
			}
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
											 "neighbor.item", "neighbor.similarity", "pairs.least",
											 "pairs.discount", "pairs.history_offsets", "pairs.histories",
											 "pairs.item_offsets", "pairs.items", "other"};
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
		} else if (std::strstr(name, "neighbor.item") != nullptr || std::strstr(name, "least") != nullptr) {
			writer.add<std::uint32_t>(name, std::vector<std::uint32_t>(raw.begin(), raw.end()));
		} else {
			writer.add<float>(name, std::vector<float>(raw.begin(), raw.end()));
		}
	}
	return writer;
}

/// A small trained model of each recipe: what the fuzzer damages in its fourth way.
const std::vector<artifact::Writer> &trained() {
	static const auto &models = *[] {
		data::TrainingSetBuilder builder(nullptr);
		for (int i = 0; i < 400; ++i)
			builder.add_event({"u" + std::to_string(i % 40), "i" + std::to_string(i * i % 23), "", 1.0, i, ""});
		SerialExecutor executor;
		const data::TrainingSet set = builder.finish(executor, {});
		auto *all = new std::vector<artifact::Writer>;
		auto *budget = new MemoryBudget;
		for (const recipe::RecipeSpec &spec : recipe::recipes()) {
			Monitor monitor;
			const auto parameters = recipe::complete_hyperparameters(spec, {});
			all->push_back(spec.train({set, parameters, {}, 1, executor, {}, monitor, *budget}).model);
		}
		return all;
	}();
	return models;
}

/// One section of a trained model is cut or changed, under a right checksum.
artifact::Writer damage(Input &in) {
	const artifact::Writer &model = trained()[in.number(trained().size())];
	artifact::Writer writer(model.recipe());
	const std::size_t victim = in.number(model.sections().size());
	for (std::size_t i = 0; i < model.sections().size(); ++i) {
		const artifact::Writer::Section &section = model.sections()[i];
		std::vector<std::byte> bytes(section.bytes.begin(), section.bytes.end());
		if (i == victim && !bytes.empty()) {
			if (in.number(4) == 0)
				bytes.resize(in.number(256) * 4 % bytes.size());
			while (in.size >= 3 && !bytes.empty()) {
				const std::size_t at = in.number(256) * 256 + in.number(256);
				bytes[at % bytes.size()] = static_cast<std::byte>(in.number(256));
			}
		}
		writer.add<std::byte>(section.name, bytes);
	}
	return writer;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
	Input in{data, size};
	const std::size_t way = in.number(4);
	if (way == 0) {
		Budgeted<std::byte> aligned(in.size);
		if (in.size > 0)
			std::memcpy(aligned.data(), in.data, in.size);
		read(aligned, true);
		return 0;
	}
	Budgeted<std::byte> model = (way == 3 ? damage(in) : write(in)).finish();
	if (way == 2)
		while (in.size >= 3) {
			const std::size_t at = in.number(256) * 256 + in.number(256);
			model[at % model.size()] ^= static_cast<std::byte>(in.number(256));
		}
	read(model, way != 2);
	return 0;
}
