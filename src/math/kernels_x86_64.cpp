// The kernels for every x86-64. src/math/variants.mk holds the flags of this file.
#define RECSYS_KERNELS recsys_kernels_x86_64
#define RECSYS_VECTOR_BYTES 16
#define RECSYS_TILE_ROWS 4 // accumulators, with a row of the other factor and a scalar, fill the registers
#define RECSYS_TILE_VECTORS 2
#include "math/kernels_variant.hpp"
