// The wall between the library and PostgreSQL. Every library header includes this file first, so that reading one after
// postgres.h is a compile error: PostgreSQL's macros (ERROR, foreach, printf, Min ...) must never reach library code, and
// the library must stay testable, fuzzable and sanitisable without a server.
//
// There is deliberately no #pragma once: the check must run at every inclusion.
#ifdef POSTGRES_H
#error "library headers must be included before pg/pg.hpp"
#endif
