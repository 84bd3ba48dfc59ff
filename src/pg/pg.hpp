// The one place where PostgreSQL's headers are read. Included last in a file: library headers refuse to come after it.
// PostgreSQL's macros that collide with C++ are undone at the end.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

#undef Min
#undef Max
#undef Abs
#undef foreach
#undef printf
#undef fprintf
#undef sprintf
#undef snprintf
#undef vsnprintf
#undef vprintf
#undef vfprintf
#undef vsprintf
#undef strerror
#undef _
