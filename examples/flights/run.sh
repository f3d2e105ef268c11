#!/usr/bin/env bash
# The flights of New York in 2013 through a node: run.sh [BOOTSTRAP_SERVER]
# Without an address it starts a node of its own (target/release/moldau) on a free port and ends it afterwards.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
node=
finish() {
  [ -z "$node" ] || { kill "$node" && wait "$node"; } || true
  rm -rf "$work"
}
trap finish EXIT

venv=$root/target/flights-venv
if ! cmp -s "$here/requirements.txt" "$venv/installed"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-deps -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/installed"
fi

address=${1:-}
if [ -z "$address" ]; then
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  address=127.0.0.1:$port
  "${MOLDAU:-$root/target/release/moldau}" serve --data "$work/data" --listen "$address" 2>"$work/node.log" &
  node=$!
fi
"$venv/bin/python" "$here/flights.py" "$address" || { [ ! -e "$work/node.log" ] || tail -20 "$work/node.log"; exit 1; }
