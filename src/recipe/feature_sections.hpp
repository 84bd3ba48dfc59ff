// An encoder of features in a model, so that rows which were not there at training can be encoded.
#include "base/wall.hpp"
#pragma once

#include <string_view>

#include "artifact/artifact.hpp"
#include "data/features.hpp"

namespace recsys::recipe {

/// Adds the sections `<name>.columns`, `.values.offsets`, `.values.bytes`, `.words.offsets`, `.words.bytes`, `.word_vectors` and
/// `.projections`; `name` has at most 12 characters.
void write_features(artifact::Writer &writer, std::string_view name, const data::FeatureEncoder &encoder);
/// The same sections as they are in another model.
void copy_features(const artifact::View &old, std::string_view name, artifact::Writer &writer);
/// The encoder reads the view's memory. Errors: RS007.
data::FeatureEncoder open_features(const artifact::View &view, std::string_view name);

} // namespace recsys::recipe
