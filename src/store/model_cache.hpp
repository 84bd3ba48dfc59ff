// Models in memory, ready to answer.
//
// One pinned dynamic shared memory segment holds the bytes of a model for all backends of the server. Segments are keyed by
// the hash of their content and found through a small registry in main shared memory; a backend attaches once and reads in
// place. Only committed revisions are published. When the sum would exceed recsys.model_cache_limit, the segment that was not
// used for the longest time leaves the registry; backends that still map it drop it at their next call.
//
// Where there is no shared cache (not preloaded, no room, /dev/shm too small), a backend takes a private copy and says so once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "artifact/artifact.hpp"
#include "recipe/recipe.hpp"

#include "store/model_store.hpp"

namespace recsys::recipe {
class Exploration;
}

namespace recsys::store {

/// The bytes of a model in this process, followed by the index of its items; unmapped or freed with the object.
class ModelMemory {
public:
	virtual ~ModelMemory() = default;
	virtual std::span<std::byte> bytes() noexcept = 0;
	/// False as soon as the registry no longer leads to this memory: whoever holds it should let go.
	virtual bool current() const noexcept = 0;
	/// Tells the cache that the model is in use; cheap enough for every request.
	virtual void touch() noexcept = 0;
};

/// An opened model: validated, with its scorer. Immutable, shared by everything in the backend that uses the same content.
class Model {
public:
	/// `fresh`: the bytes were just read; they are checked, and the index is built.
	/// Errors: RS007 for a damaged model or one of an unrecognized recipe.
	Model(std::unique_ptr<ModelMemory> memory, std::size_t artifact_size, bool fresh);
	~Model();
	const recipe::RecipeSpec &spec() const noexcept { return *spec_; }
	const recipe::Scorer &scorer() const noexcept { return *scorer_; }
	/// Null for models that do not explore.
	const recipe::Exploration *exploration() const noexcept { return exploration_.get(); }
	const artifact::IdView &items() const noexcept { return items_; }
	/// The ordinal of an item, data::kNone when the model does not know it. O(1).
	std::uint32_t find_item(std::string_view id) const noexcept;
	/// Had a row in the items dataset when the model was trained.
	bool had_row(std::uint32_t item) const noexcept { return (flags_[item] & recipe::kItemHadRow) != 0; }
	bool current() const noexcept { return memory_->current(); }
	void touch() const noexcept { memory_->touch(); }

private:
	std::unique_ptr<ModelMemory> memory_;
	artifact::View view_;
	artifact::IdView items_;
	std::span<const std::uint32_t> index_; // ordinals by hash of their id, open addressing; a power of two
	std::span<const std::uint8_t> flags_;
	const recipe::RecipeSpec *spec_;
	std::unique_ptr<const recipe::Exploration> exploration_;
	std::unique_ptr<recipe::Scorer> scorer_; // last: it may refer to the view
};

/// The opened model of a revision; `name` is for messages ("campaign" or version name).
/// Errors: RS007; RS003 when only a private copy is possible and it would exceed recsys.private_model_limit.
std::shared_ptr<const Model> open_model(const Revision &revision, const std::string &name);

/// To be called at the start of each request: finds out, by one atomic read, whether models left the shared cache.
/// True when so: models in use may then no longer be current().
bool models_were_evicted();

/// While preloading: declares the registry's area of shared memory.
void declare_model_cache();

} // namespace recsys::store
