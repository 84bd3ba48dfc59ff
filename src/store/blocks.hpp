// Reading a dataset's rows, however many, through a cursor in blocks.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "pg/spi.hpp"

namespace recsys::store {

/// Called before each block with the rows read so far; may throw to end the reading.
using BlockHook = std::function<void(const char *phase, std::uint64_t rows)>;

inline constexpr long kFirstBlockRows = 16, kBlockRows = 10000;
inline constexpr std::chrono::milliseconds kBlockTime{50};

// `count` grows while blocks are loaded. Blocks grow as long as they come quickly and shrink when a source is slow, so
// that a stop is never far away. A block's detoasted values live in the SPI connection and go with it; ids and event
// types are short, so in practice there are none.
template <class Load>
void read_blocks(const std::string &sql, const char *phase, const std::uint64_t &count, const BlockHook &before_block,
				 Load &&load) {
	using Clock = std::chrono::steady_clock;
	pg::SpiScope spi;
	pg::Cursor cursor(sql, {}, {});
	for (long rows = kFirstBlockRows;;) {
		before_block(phase, count);
		const Clock::time_point began = Clock::now();
		const SPITupleTable *block = cursor.next(rows);
		if (block == nullptr)
			return;
		load(block);
		rows = Clock::now() - began < kBlockTime ? std::min(2 * rows, kBlockRows) : std::max(rows / 2, 1L);
	}
}

} // namespace recsys::store
