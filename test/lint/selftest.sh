#!/bin/bash
# A lint that cannot fail is worth nothing: each must find what is planted for it in a small tree of mistakes, and be silent
# about the same tree without them.
set -uo pipefail
lints=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$tree" && mkdir -p src/base src/data src/pg src/train sql/code sql/state test/sql expected
bad=0

# plant FILE, TEXT on stdin
plant() { cat >"$1"; }
run() { case $1 in *.pl) perl "$lints/$1" ;; *) bash "$lints/$1" ;; esac 2>&1; }
clean() {
	local output
	output=$(run "$1") || { echo "$1 complains without reason: $output" && bad=1; }
}
finds() {
	local lint=$1 output pattern && shift
	output=$(run "$lint") && echo "$lint finds nothing" && bad=1
	for pattern in "$@"; do
		grep -qE -- "$pattern" <<<"$output" || { echo "$lint does not find: $pattern" && bad=1; }
	done
}

plant src/base/good.hpp <<<'// text
#include "base/wall.hpp"
#pragma once'
plant src/pg/settings.cpp <<<'define("recsys.a_setting"); define("recsys.b_setting");'
plant src/train/good.cpp <<<'// ereport(ERROR) in a comment, "SPI_execute(" in a string
#include "pg/guard.hpp"
void f() { throw Error("22023", "value must be positive", "It is " + n + ".", "Use 1."); say("SPI_execute(x)"); }'
plant sql/code/10_x.sql <<<'CREATE OR REPLACE FUNCTION recsys.f() RETURNS int LANGUAGE sql STABLE PARALLEL SAFE RETURN 1;'
for lint in layers.pl wall.pl doors.pl messages.pl length.pl sql.pl settings.pl tests.sh; do clean "$lint"; done

plant src/base/bad.hpp <<<'#pragma once
#include "data/thing.hpp"'
plant src/data/bad.cpp <<<'Datum f();'
plant src/train/bad.cpp <<<'#include "serve/answer.hpp"
void f() { ereport(ERROR, (errmsg("x"))); }
void g() { SPI_execute("SELECT 1", true, 0); std::thread t; exit(1); }
void h() { throw Error("22023", "Unknown thing.", "no sentence", "No stop"); }'
{
	echo 'void long_one(int a) {'
	seq -f '	call(%g);' 120
	echo '}'
} >src/train/long.cpp
plant src/pg/settings.cpp <<<'define("recsys.b_setting");
define("recsys.a_setting");'
plant sql/code/20_y.sql <<<'CREATE FUNCTION recsys.g() RETURNS int LANGUAGE sql RETURN 1;
CREATE OR REPLACE FUNCTION public.h() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1;'
plant test/sql/nonsense.sql <<<'SELECT 1;'
finds layers.pl 'base.*must not include "data/' 'train.*must not include "serve/'
finds wall.pl 'bad.hpp:1: the first include' 'names "Datum"'
finds doors.pl 'ereport belongs' 'SPI_execute belongs' 'threads are started' 'end the process'
finds messages.pl 'begins with a capital' 'ends with a full stop: Unknown' 'say "unrecognized"' 'detail does not begin' 'hint does not end'
finds length.pl 'long_one has 122 lines'
finds settings.pl 'a_setting stands after'
finds sql.pl 'must be CREATE OR REPLACE' 'does not say IMMUTABLE' 'SECURITY DEFINER' 'live in recsys'
finds tests.sh 'nonsense.out is missing' 'must be room_topic'

# symbols: an SQL function that is not there, one that is not declared, and an export that nobody meant
echo 'int leaked; int recsys_odd(void) { return 1; } int pg_finfo_recsys_b(void) { return 1; } int recsys_b(void) { return 1; }' >x.c
gcc -shared -fPIC -o recsys.so x.c
echo "AS 'MODULE_PATHNAME', 'recsys_a'" >recsys--0.sql
finds symbols.sh 'leaked'
sed -i 's/int leaked;//' x.c && gcc -shared -fPIC -o recsys.so x.c
finds symbols.sh '< recsys_a' '> recsys_b'
echo "AS 'MODULE_PATHNAME', 'recsys_b'" >recsys--0.sql
finds symbols.sh 'recsys_odd'
sed -i 's/int recsys_odd(void) { return 1; }//' x.c && gcc -shared -fPIC -o recsys.so x.c
clean symbols.sh
exit $bad
