// Memory of a request that is worth keeping between requests: the dense scores and what goes with them. A request may run
// inside another one (a mapped view may call recsys), so each takes a workspace of its own from a free list.
#pragma once

#include <memory>
#include <vector>

#include "math/top_k.hpp"
#include "recipe/recipe.hpp"

namespace recsys::serve {

/// Of a recipe::Situation (serve/situation.hpp).
struct SituationBuffer {
	std::vector<std::uint32_t> context, user, row;
	std::vector<float> dense;
};

struct Buffers {
	recipe::Scores scores;
	math::DescendingOrder order;
	std::vector<recipe::Event> history;
	SituationBuffer situation;
};

class Workspace {
public:
	Workspace() {
		if (free().empty()) {
			buffers_ = std::make_unique<Buffers>();
		} else {
			buffers_ = std::move(free().back());
			free().pop_back();
		}
		free().reserve(free().size() + 1);
	}
	~Workspace() { free().push_back(std::move(buffers_)); }
	Workspace(const Workspace &) = delete;
	Workspace &operator=(const Workspace &) = delete;
	Buffers *operator->() { return buffers_.get(); }

private:
	static std::vector<std::unique_ptr<Buffers>> &free() {
		static auto &list = *new std::vector<std::unique_ptr<Buffers>>;
		return list;
	}
	std::unique_ptr<Buffers> buffers_;
};

} // namespace recsys::serve
