// The kernels for processors with AVX-512. src/math/variants.mk holds the flags of this file.
#define RECSYS_KERNELS recsys_kernels_avx512
#define RECSYS_VECTOR_BYTES 64
#define RECSYS_TILE_ROWS 8 // accumulators, with a row of the other factor and a scalar, fill the registers
#define RECSYS_TILE_VECTORS 3
#include "math/kernels_variant.hpp"
