#include "recipe/update.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace recsys::recipe {

UpdatedItems::UpdatedItems(const artifact::View &old, const TrainRequest &request)
	: offsets_(1, 0, BudgetAllocator<std::uint64_t>(&request.budget)), bytes_(BudgetAllocator<char>(&request.budget)),
	  flags_(BudgetAllocator<std::uint8_t>(&request.budget)), from_old_(BudgetAllocator<std::uint32_t>(&request.budget)),
	  from_data_(BudgetAllocator<std::uint32_t>(&request.budget)), to_new_(BudgetAllocator<std::uint32_t>(&request.budget)) {
	const artifact::IdView before(old, "item");
	const auto flags = old.get<std::uint8_t>("item.flags", before.size());
	const data::IdDictionary &now = request.data.items();
	const auto row = [&](std::uint32_t item) {
		return request.data.item_has_row()[item] != 0 ? kItemHadRow : std::uint8_t{0};
	};
	request.monitor.phase("taking in new items", before.size() + now.size());
	SparsePoll poll(request.stop);
	std::uint32_t a = 0, b = 0; // both are in the order of the ids' bytes
	while (a < before.size() || b < now.size()) {
		poll();
		if (b == now.size() || (a < before.size() && before[a] < now[b])) {
			add(before[a], a, data::kNone, flags[a]);
			++a;
		} else if (a == before.size() || now[b] < before[a]) {
			add(now[b], data::kNone, b, static_cast<std::uint8_t>(row(b) | kItemAdded));
			++b;
		} else {
			add(now[b], a, b, static_cast<std::uint8_t>(row(b) | flags[a]));
			++a, ++b;
		}
	}
}

void UpdatedItems::add(std::string_view id, std::uint32_t old, std::uint32_t data, std::uint8_t flags) {
	if (old != data::kNone)
		to_new_.push_back(static_cast<std::uint32_t>(from_old_.size()));
	bytes_.insert(bytes_.end(), id.begin(), id.end());
	offsets_.push_back(bytes_.size());
	flags_.push_back(flags);
	from_old_.push_back(old);
	from_data_.push_back(data);
}

Budgeted<std::uint32_t> UpdatedItems::of_data(const TrainRequest &request) const {
	Budgeted<std::uint32_t> items(request.data.n_items(), 0, BudgetAllocator<std::uint32_t>(&request.budget));
	for (std::uint32_t item = 0; item < from_data_.size(); ++item)
		if (from_data_[item] != data::kNone)
			items[from_data_[item]] = item;
	return items;
}

void UpdatedItems::write(const artifact::View &old, artifact::Writer &writer) const {
	writer.add<std::uint64_t>("item.offsets", offsets_);
	writer.add<char>("item.bytes", bytes_);
	writer.add<std::uint8_t>("item.flags", flags_);
	// The rest tells of the training. Nothing else changes, so an update that finds nothing new makes equal bytes.
	nlohmann::json summary = nlohmann::json::parse(old.text("summary"), nullptr, false);
	if (!summary.is_object())
		artifact::View::fail("summary", "is not a JSON object");
	summary["n_items"] = size();
	writer.add_text("summary", summary.dump());
}

Budgeted<float> moved_rows(std::span<const float> before, const UpdatedItems &items, MemoryBudget &budget) {
	const std::size_t width = items.old_size() == 0 ? 0 : before.size() / items.old_size();
	Budgeted<float> out(items.size() * width, 0.0f, BudgetAllocator<float>(&budget));
	for (std::size_t was = 0; was < items.old_size(); ++was)
		std::copy_n(before.data() + was * width, width, out.data() + items.to_new()[was] * width);
	return out;
}

void copy_section(const artifact::View &old, std::string_view name, artifact::Writer &writer) {
	writer.add<char>(name, old.get<char>(name));
}

} // namespace recsys::recipe
