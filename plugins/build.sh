#!/usr/bin/env bash
# Builds the plugins of this folder.
#
#   plugins/build.sh [--out DIR] [PLUGIN…]   builds all or those into DIR, by default plugins/built
#   plugins/build.sh --check                 builds all anew elsewhere and compares with plugins/built
#
# What it needs, it fetches: for Rust the target of rustup, or else plugins/wasm-toolchain.sh; for
# AssemblyScript npm packages, for C a compiler from PyPI, both into plugins/.build. RUSTC and ZIG
# name other compilers; WASM_TOOLCHAIN the folder of a finished wasm-toolchain.sh.
#
# The same compilers give the same bytes on every machine: sources are copied to one place, because
# cargo mixes the path of a package into the names of its symbols, and no path gets into a plugin.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
all=(greet words sum plain hostile)
rust=" greet plain hostile "
out=$here/built check='' plugins=()
while [ $# -gt 0 ]; do
  case $1 in
    --check) check=1 ;;
    --out) shift; mkdir -p "$1"; out=$(cd "$1" && pwd) ;;
    -*) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *)
      case " ${all[*]} " in
        *" $1 "*) plugins+=("$1") ;;
        *) echo "there is no plugin \`$1\`; there are: ${all[*]}" >&2; exit 2 ;;
      esac ;;
  esac
  shift
done
[ ${#plugins[@]} -gt 0 ] || plugins=("${all[@]}")
say() { printf 'plugins: %s\n' "$*" >&2; }

tools=$here/.build
[ -z "$check" ] || { out=$(mktemp -d); trap 'rm -rf "$out"' EXIT; }
mkdir -p "$tools" "$out"

# One place, for one at a time.
place=/tmp/turbocat-plugins
exec 9>"$place.lock"
flock 9

rust_target() {
  local target=wasm32-unknown-unknown
  has() { compgen -G "$("$1" --print sysroot)/lib/rustlib/$target/lib/libstd-*.rlib" >/dev/null; }
  [ -z "${WASM_TOOLCHAIN:-}" ] || . "$WASM_TOOLCHAIN/env"
  if [ -n "${RUSTC:-}" ]; then
    has "$RUSTC" || { say "\`$RUSTC\` has no standard library for $target"; exit 1; }
  elif ! has rustc; then
    if command -v rustup >/dev/null && timeout 300 rustup target add "$target" >&2 && has rustc; then
      :
    else
      "$here/wasm-toolchain.sh" "$tools/toolchain" >&2
      . "$tools/toolchain/env"
    fi
  fi
  export RUSTC=${RUSTC:-rustc}
}

build_rust() { # plugins of the workspace
  rust_target
  rm -rf "$place"
  mkdir -m 700 -p "$place/turbocat-plugins"
  # What the kit inherits from its workspace.
  cp "$root/Cargo.toml" "$place/"
  mkdir "$place/src" && : >"$place/src/lib.rs"
  cp -r "$root/turbocat-plugins/pdk" "$place/turbocat-plugins/"
  mkdir "$place/plugins"
  (cd "$here" && cp -r Cargo.toml Cargo.lock greet hostile plain "$place/plugins/")
  (
    cd "$place/plugins"
    cargo fetch --quiet --locked
    flags="--remap-path-prefix=$place/= --remap-path-prefix=$("$RUSTC" --print sysroot)/lib/rustlib/src/rust=/rustc"
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
      flags="$flags --remap-path-prefix=${registry%/}=/deps"
    done
    export RUSTFLAGS=$flags CARGO_TARGET_DIR=$place/target CARGO_INCREMENTAL=0
    unset CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS
    packages=()
    for plugin in "$@"; do packages+=(-p "$plugin"); done
    cargo build --quiet --locked --release --target wasm32-unknown-unknown "${packages[@]}"
  )
  for plugin in "$@"; do
    cp "$place/target/wasm32-unknown-unknown/release/$plugin.wasm" "$out/$plugin.wasm"
  done
  rm -rf "$place"
}

build_words() {
  mkdir -p "$tools/npm"
  cp "$here"/words/package*.json "$tools/npm/"
  (cd "$tools/npm" && { cmp -s package-lock.json installed || { npm ci --ignore-scripts --silent && cp package-lock.json installed; }; })
  (cd "$here/words" && node "$tools/npm/node_modules/assemblyscript/bin/asc.js" words.ts \
    --path "$tools/npm/node_modules" --use abort=words/myAbort \
    -O3s --noAssert --runtime minimal -o "$out/words.wasm")
}

zig_version=0.17.0
build_sum() {
  if [ -z "${ZIG:-}" ]; then
    [ -x "$tools/zig/bin/python" ] || python3 -m venv "$tools/zig"
    "$tools/zig/bin/python" -c 'import ziglang' 2>/dev/null ||
      "$tools/zig/bin/python" -m pip install --quiet "ziglang==$zig_version"
    ZIG="$tools/zig/bin/python -m ziglang"
  fi
  (cd "$here/sum" && $ZIG cc --target=wasm32-wasi -mexec-model=reactor -Oz -s -Wall -Wextra -Werror \
    sum.c numbers.c -o "$out/sum.wasm")
  chmod 644 "$out/sum.wasm"
}

of_rust=()
for plugin in "${plugins[@]}"; do
  case $rust in *" $plugin "*) of_rust+=("$plugin") ;; esac
done
[ ${#of_rust[@]} -eq 0 ] || build_rust "${of_rust[@]}"
for plugin in "${plugins[@]}"; do
  case $plugin in words | sum) "build_$plugin" ;; esac
done

# What made them stands beside them.
made_by() {
  printf 'rust %s\n' "$("$RUSTC" -V | cut -d' ' -f2-)"
  printf 'assemblyscript %s\n' "$(node -p "require('$tools/npm/node_modules/assemblyscript/package.json').version")"
  printf 'zig %s\n' "$($ZIG version)"
}
[ ${#plugins[@]} -lt ${#all[@]} ] || made_by >"$out/made-by.txt"

for plugin in "${plugins[@]}"; do
  file=$out/$plugin.wasm
  chmod 644 "$file"
  if grep -a -q -e "$HOME/" -e "$root/" -e "$place/" "$file"; then
    say "$plugin.wasm holds a path of this machine"
    exit 1
  fi
  printf '%-14s %7d bytes\n' "$plugin.wasm" "$(stat -c %s "$file")"
done

if [ -n "$check" ]; then
  differing=()
  for plugin in "${plugins[@]}"; do
    cmp -s "$out/$plugin.wasm" "$here/built/$plugin.wasm" || differing+=("$plugin")
  done
  if [ ${#differing[@]} -gt 0 ]; then
    say "not what stands in plugins/built: ${differing[*]}"
    if [ ! -f "$out/made-by.txt" ]; then
      say "what made those is written in plugins/built/made-by.txt; other compilers may well give other bytes"
    elif diff "$here/built/made-by.txt" "$out/made-by.txt" >&2; then
      say "though the compilers are the same"
    else
      say "the compilers are others (above), and others may well give other bytes"
    fi
    exit 1
  fi
  say "the same bytes as in plugins/built"
fi
