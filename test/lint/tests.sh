#!/bin/bash
# Every test is run and compared: inputs and expected outputs match one to one, and names say which room is tested.
set -uo pipefail
rooms='base|math|data|artifact|recipe|metrics|filter|pg|stats|catalog|store|jobs|ingest|train|serve|ops|module|demo|security'
bad=0
complain() { echo "$1" && bad=1; }
names() { for f in "$1"/*."$2"; do [ -e "$f" ] && basename "$f" ".$2"; done; }
for pair in "test/sql sql expected" "test/isolation/specs spec test/isolation/expected"; do
	read -r inputs suffix outputs <<<"$pair"
	for name in $(names "$inputs" "$suffix"); do
		[ -s "$outputs/$name.out" ] || complain "$inputs/$name.$suffix: $outputs/$name.out is missing or empty"
		[[ $name =~ ^($rooms)_[a-z0-9_]+$ ]] || complain "$inputs/$name.$suffix: the name must be room_topic"
	done
	for name in $(names "$outputs" out); do
		[ -e "$inputs/${name%_[0-9]}.$suffix" ] || [ -e "$inputs/$name.$suffix" ] || complain "$outputs/$name.out: there is no such test"
	done
done
for folder in test/t test/long; do
	for name in $(names "$folder" pl); do
		[[ $name =~ ^[0-9]{3}_($rooms)_[a-z0-9_]+$ ]] || complain "$folder/$name.pl: the name must be NNN_room_topic"
	done
done
# pg_regress would prefer a file here to test/sql.
compgen -G 'sql/*.sql' | grep -v '^sql/header.sql$' && complain "sql/ holds folders and header.sql only"
exit $bad
