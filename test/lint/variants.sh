#!/bin/bash
# Files that are compiled once an instruction set share no code: a function that the linker may pick from any of them (a weak
# symbol, such as an inline function of a header) could bring instructions that a machine does not have. Each defines its
# table of kernels and nothing else.
set -euo pipefail
bad=0 seen=0
for source in src/math/kernels_*.cpp; do
	object=${source%.cpp}.o
	[ -f "$object" ] || { echo "$object is not built" && exit 1; }
	defined=$(nm --defined-only --extern-only "$object" | awk '{ print $NF }')
	wanted=$(basename "$source" .cpp)
	seen=$((seen + 1))
	[ "$defined" = "recsys_$wanted" ] || { echo "$source: defines more than its table:" && nm -C --defined-only --extern-only "$object" && bad=1; }
done
[ "$seen" -ge 3 ] || { echo "src/math has no kernels to look at" && bad=1; }
exit $bad
