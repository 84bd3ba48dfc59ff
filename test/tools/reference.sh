#!/bin/bash
# reference.sh write|check: generates doc/reference.md from the installed extension, or tests that it is current.
set -euo pipefail
source "$(dirname "$0")/scratch.sh"
scratch_open reference
scratch_start
as_user psql -Xq -d postgres -c 'CREATE EXTENSION recsys'
as_user psql -XAtq -v ON_ERROR_STOP=1 -d postgres <"$root/doc/reference.sql" | cat -s >"$scratch.md"
trap 'rm -f "$scratch.md"; scratch_close' EXIT
if [ "$1" = write ]; then
	cp "$scratch.md" "$root/doc/reference.md"
elif diff -u "$root/doc/reference.md" "$scratch.md"; then
	tally reference 1 0
else
	echo "doc/reference.md is not current: run make reference"
	tally reference 0 1
	exit 1
fi
