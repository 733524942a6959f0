#!/usr/bin/env bash
# Builds the inside of the `code` agent: QuickJS for WASM, set up and written as it is then.
#
#   js/build.sh            writes src/code/quickjs.wasm
#   js/build.sh --check    fails if what stands there is not what would be written
#
# Needs a rustc with the target wasm32-unknown-unknown (`rustup target add wasm32-unknown-unknown`;
# RUSTC names another one) and a C compiler for it: `pip install ziglang`, or CC_wasm32_unknown_unknown
# and AR_wasm32_unknown_unknown.
#
# The same compilers give the same bytes, wherever the sources lie. Other versions of them do not:
# `--check` compares with what the versions below made.
set -euo pipefail
cd "$(dirname "$0")"
made_with="rustc 1.96.0, ziglang 0.17.1"
module=../src/code/quickjs.wasm

target="${CARGO_TARGET_DIR:-$PWD/target}"
export CARGO_TARGET_DIR="$target"
export CC_wasm32_unknown_unknown="${CC_wasm32_unknown_unknown:-$PWD/toolchain/zigcc}"
export AR_wasm32_unknown_unknown="${AR_wasm32_unknown_unknown:-$PWD/toolchain/zigar}"
# No path of this machine in the module, and a stack as deep as the engine is told (`engine.rs`).
export CARGO_ENCODED_RUSTFLAGS="$(printf '%s\x1f' \
  "--remap-path-prefix=$PWD=js" \
  "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
  "--remap-path-prefix=$target=target")-Clink-arg=-zstack-size=2097152"

cargo build --quiet --locked --release -p turbocat-quickjs --target wasm32-unknown-unknown

# The tool that writes the module is for this machine.
unset CARGO_ENCODED_RUSTFLAGS RUSTC
cargo build --quiet --locked -p snapshot
written="$target/quickjs.wasm"
"$target/debug/snapshot" "$target/wasm32-unknown-unknown/release/turbocat_quickjs.wasm" "$written"

if [ "${1:-}" = --check ]; then
  if ! cmp -s "$written" "$module"; then
    echo "src/code/quickjs.wasm is not what the sources give (it was made with $made_with)" >&2
    exit 1
  fi
else
  cp "$written" "$module"
  sha256sum "$module"
fi
