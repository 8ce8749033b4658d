#!/bin/sh
# Generates the committed Python stubs from the contracts. Usage: protos/generate.sh [OUT]
# Messages and typed aio stubs come from grpcio-tools with mypy-protobuf; buf lints and checks compatibility.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$here/gen}
mkdir -p "$out"
cd "$here"
python -m grpc_tools.protoc -I . --python_out="$out" --grpc_python_out="$out" \
  --mypy_out="$out" --mypy_grpc_out="$out" $(find ultrathink -name '*.proto' | sort)
find "$out/ultrathink" -type d -mindepth 1 | while read -r folder; do
  [ -f "$folder/__init__.py" ] || printf '"""Generated stubs."""\n' > "$folder/__init__.py"
done
