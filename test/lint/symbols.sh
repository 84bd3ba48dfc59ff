#!/bin/bash
# What the library exports: SQL functions with their info records, the entry point, worker mains; nothing of C++.
# And both directions: what SQL declares exists, what exists is declared.
set -euo pipefail
[ -f recsys.so ] || { echo "recsys.so is not built" && exit 1; }
exported=$(nm -D --defined-only recsys.so | awk '{ print $NF }')
bad=$(grep -vE '^(Pg_magic_func|_PG_init|pg_finfo_recsys_[a-z0-9_]+|recsys_[a-z0-9_]+)(@.*)?$' <<<"$exported" || true)
[ -z "$bad" ] || { echo "exported, but not meant to be:" && echo "$bad" | c++filt | head -20 && exit 1; }
declared=$(cat recsys--*.sql | grep -oP "AS\s+'MODULE_PATHNAME',\s*'\K\w+" | sort -u || true)
defined=$(sed -n 's/^pg_finfo_//p' <<<"$exported" | sort -u || true)
difference=$(diff <(echo "$declared") <(echo "$defined")) || {
	echo "SQL declares (<) but the library does not define, or the other way round (>):"
	grep '^[<>]' <<<"$difference"
	exit 1
}
# Functions without an info record are worker mains.
mains=$(grep '^recsys_' <<<"$exported" | grep -vxF "$defined" | grep -vE '_main$' || true)
[ -z "$mains" ] || { echo "neither an SQL function nor a worker's main:" && echo "$mains" && exit 1; }
