#!/usr/bin/env bash
# Builds all plugins from their sources and tests what can be tested without a host.
#
#   export TURBOCAT_TEST_PLUGINS=$(plugins/ci.sh [DIR])
#   cargo test -p turbocat-plugins --features wasm --test plugins
#
# Prints the folder with the plugins, DIR or a temporary one, and nothing else on standard output.
# On a machine without a compiler for WebAssembly it makes one of Debian's packages, once, in
# WASM_TOOLCHAIN, by default ~/.cache/turbocat-wasm-toolchain.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$(mktemp -d -t turbocat-plugins.XXXXXX)}
export WASM_TOOLCHAIN=${WASM_TOOLCHAIN:-${XDG_CACHE_HOME:-$HOME/.cache}/turbocat-wasm-toolchain}

{
  if [ ! -f "$WASM_TOOLCHAIN/env" ]; then
    apt-cache show rustc-web >/dev/null 2>&1 || apt-get update -qq || true
    "$here/wasm-toolchain.sh" "$WASM_TOOLCHAIN"
  fi
  "$here/build.sh" --out "$out"

  # Agents are functions: their unit tests need no WebAssembly.
  cargo test --quiet --locked --manifest-path "$here/Cargo.toml" -p greet
  test=$(mktemp)
  cc -Wall -Wextra -Werror "$here/sum/numbers.c" "$here/sum/test.c" -lm -o "$test"
  "$test"
  rm -f "$test"
} >&2
echo "$out"
