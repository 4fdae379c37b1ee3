#!/bin/sh
# What types from files cost: instructions a message against the same type in C, counted by callgrind, and the time that 1,000
# of them take to load. Exit: 0 within the limits, 1 over one, 77 if it cannot be counted here.
# usage: tests/perf/types.sh
set -eu
MOST_PERCENT=150
LOAD_TYPES=1000
LOAD_MOST_MS=1000
cd "$(dirname "$0")/../.."
build=build/crash
command -v valgrind >/dev/null 2>&1 || { echo "skipped: valgrind is not installed"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! tests/perf/build >"$work/log" 2>&1; then
  cat "$work/log"
  exit 1
fi

count() {
  valgrind --tool=callgrind --callgrind-out-file="$work/$1" --toggle-collect=types_path_run "$build/types_path" tests/perf/types "$1" \
    >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  sed -n 's/^\(totals\|summary\): \([0-9]*\).*/\2/p' "$work/$1" | head -1
}
in_c=$(count order.created.v1)
in_file=$(count order.created.v2)
percent=$((100 * in_file / in_c))
echo "instructions a message: in C $((in_c / 1000)), from a file $((in_file / 1000)): $percent %, at most $MOST_PERCENT %"

mkdir -p "$work/types/templates"
number=0
while [ $number -lt $LOAD_TYPES ]; do
  number=$((number + 1))
  sed "s/order.created.v2/order.created$number.v2/; s/template: order_created/template: order_created$number/" \
    tests/perf/types/order.created.v2.yaml >"$work/types/order.created$number.v2.yaml"
  cp tests/perf/types/templates/order_created.txt.mustache "$work/types/templates/order_created$number.txt.mustache"
done
began=$(date +%s%N)
"$build/leveret" type check "$work/types"
took=$((($(date +%s%N) - began) / 1000000))
echo "$LOAD_TYPES types load and are checked in $took ms, at most $LOAD_MOST_MS ms"
[ "$percent" -le "$MOST_PERCENT" ] && [ "$took" -lt "$LOAD_MOST_MS" ]
