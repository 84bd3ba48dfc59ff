// The kernels for processors with AVX2 and FMA. src/math/variants.mk holds the flags of this file.
#define RECSYS_KERNELS recsys_kernels_avx2
#define RECSYS_VECTOR_BYTES 32
#define RECSYS_TILE_ROWS 4 // accumulators, with a row of the other factor and a scalar, fill the registers
#define RECSYS_TILE_VECTORS 3
#include "math/kernels_variant.hpp"
