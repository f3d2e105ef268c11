#!/usr/bin/env bash
# Builds Moldau, starts a node with its data in target/first-records/moldau-data, sends ten flights through it, and stops it.
# Needs Rust and a C compiler. Ends by itself; exit code 0 when the flights came back, after a restart as well.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$root/target/first-records
data=$work/moldau-data
log=$work/node.log
flights=$work/flights.txt
node=

stop() { [ -z "$node" ] || { local ended=$node; node=; kill "$ended"; wait "$ended"; }; }
trap 'status=$?; stop || true; [ $status = 0 ] || { [ ! -s "$log" ] || tail -20 "$log"; } >&2' EXIT
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# Starts a node on a free port and waits until it says where it listens.
start() {
  MOLDAU_LOG='' "$moldau" serve --log-format text --data "$data" --listen 127.0.0.1:0 2>"$log" &
  node=$!
  local address=
  until [ -n "$address" ]; do
    kill -0 "$node" 2>/dev/null || { node=; echo "the node ended:" >&2; exit 1; }
    address=$(sed -n 's/.* listening .*address=\([0-9.:]*\) .*/\1/p' "$log")
    [ -n "$address" ] || sleep 0.05
  done
  export MOLDAU_BOOTSTRAP_SERVER=$address
  echo "listening on $address, data in ${data#"$root"/}"
}

say "cargo build --release --bin moldau"
cd "$root"
cargo build --release --bin moldau
moldau=${CARGO_TARGET_DIR:-$root/target}/release/moldau

rm -rf "$work" && mkdir -p "$work"
# Tail number, flight, route, scheduled departure, minutes late: the first departures from New York in 2013.
cat >"$flights" <<'LINES'
N14228 UA1545 EWR-IAH 2013-01-01T05:15 +2
N24211 UA1714 LGA-IAH 2013-01-01T05:29 +4
N619AA AA1141 JFK-MIA 2013-01-01T05:40 +2
N804JB B6725 JFK-BQN 2013-01-01T05:45 -1
N668DN DL461 LGA-ATL 2013-01-01T06:00 -6
N39463 UA1696 EWR-ORD 2013-01-01T05:58 -4
N516JB B6507 EWR-FLL 2013-01-01T06:00 -5
N829AS EV5708 LGA-IAD 2013-01-01T06:00 -3
N593JB B679 JFK-MCO 2013-01-01T06:00 -3
N3ALAA AA301 LGA-ORD 2013-01-01T06:00 -2
LINES

say "moldau serve"
start

say "moldau topic create flights --partitions 3"
"$moldau" topic create flights --partitions 3

say "moldau produce flights --key-separator ' '"
"$moldau" produce flights --key-separator ' ' <"$flights"

say "moldau consume flights --group boards --count 10"
"$moldau" consume flights --group boards --count 10 --timeout 30 --format 'partition %p  offset %o  %k  %s\n'

say "moldau group describe boards"
"$moldau" group describe boards

say "stop the node, start it again, and read from the beginning"
stop
start
"$moldau" consume flights --exit-at-end --key-separator ' ' | sort >"$work/read.txt"
sort "$flights" | diff - "$work/read.txt"
echo "all $(wc -l <"$work/read.txt" | tr -d ' ') flights are there"

stop
say "Done. The node is stopped; its files are in ${data#"$root"/}."
