// From a line of a batch job to its answer. Each kind of batch job has such an object; lines, files, jobs and errors are the same
// for all (serve/batch_work.hpp).
#include "serve/batch_line.hpp"
#pragma once

#include <memory>

#include "serve/recommend.hpp"

namespace recsys::serve {

/// A kind of batch job.
enum class BatchJob { Inference, Segment };

/// What is the same for all lines of a job.
struct BatchSettings {
	std::int32_t num_results = kDefaultResults;
	std::optional<std::string> filter;
};

class BatchAnswerer {
public:
	virtual ~BatchAnswerer() = default;
	/// The line's "output". Within a SpiScope. Errors of class 22, RS001 and RS003 are the line's own.
	virtual LineJson answer(const BatchLine &line) = 0;
	virtual NoError no_error() const noexcept = 0;
	/// Lines that an input file may have under recsys.service_limits.
	virtual std::int64_t service_lines() const noexcept = 0;
};

/// Errors: 22023 when the recipe has no such batch jobs, or the filter is not for its answers; RS001.
std::unique_ptr<BatchAnswerer> open_batch(BatchJob kind, Endpoint &endpoint, BatchSettings settings);

} // namespace recsys::serve
