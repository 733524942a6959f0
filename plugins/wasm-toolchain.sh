#!/usr/bin/env bash
# Gives a machine without rustup a Rust compiler for wasm32-unknown-unknown, from packages of
# Debian. Safe to run again: what is there stays. Who has rustup needs none of this:
# `rustup target add wasm32-unknown-unknown`.
#
#   plugins/wasm-toolchain.sh [DIR]      DIR: default .wasm-toolchain
#   . DIR/env                            sets RUSTC for cargo, when needed
#
# 1. the active rustc has the target: nothing to do
# 2. otherwise Debian's rustc-web + rust-web-src: unpack (no install, no root), build std once,
#    keep it as a sysroot under DIR. About 2 minutes, 140 MB to download, 560 MB on disk.
#
# The standard library is built at one place on all machines (/tmp/turbocat-wasm-std), because its
# path is part of every symbol: so the same plugin has the same bytes everywhere.
set -euo pipefail
dir=$(mkdir -p "${1:-.wasm-toolchain}" && cd "${1:-.wasm-toolchain}" && pwd)
targets=${WASM_TARGETS:-wasm32-unknown-unknown}
say() { printf 'wasm-toolchain: %s\n' "$*" >&2; }

has_std() { # $1 rustc, $2 target
  ls "$("$1" --print sysroot)/lib/rustlib/$2/lib/"libstd-*.rlib >/dev/null 2>&1
}
all_std() { local t; for t in $targets; do has_std "$1" "$t" || return 1; done; }

# 1: the ordinary way
if [ -z "${WASM_FORCE_DEBIAN:-}" ] && command -v rustc >/dev/null && all_std rustc; then
  : >"$dir/env"; say "rustc has: $targets"; exit 0
fi

# 2: Debian
tc=$dir/sysroot
if [ -f "$tc/ready" ] && all_std "$tc/bin/rustc"; then
  say "present: $("$tc/bin/rustc" -V)"; exit 0
fi
command -v apt-get >/dev/null || { say "no wasm32 std and no apt-get"; exit 1; }
ver=$(apt-cache policy rustc-web | awk '/Candidate:/{print $2}')
[ -n "$ver" ] && [ "$ver" != "(none)" ] || { say "no package rustc-web (run: apt-get update)"; exit 1; }
short=${ver%%+*}; minor=${short%.*}
llvm=$(apt-cache show "libstd-rust-web-$minor=$ver" | grep -o 'libllvm[0-9]*' | head -1)
say "Debian rustc-web $short, $llvm"

rm -rf "$dir/debs" "$dir/root"; mkdir -p "$dir/debs" "$dir/root"
( cd "$dir/debs" && apt-get -q -o APT::Sandbox::User=root download \
    "rustc-web=$ver" "libstd-rust-web-$minor=$ver" "libstd-rust-web-dev=$ver" \
    "rust-web-src=$ver" "$llvm" "lld-${llvm#libllvm}" >/dev/null )
for d in "$dir"/debs/*.deb; do
  case $d in
    */rust-web-src_*) # only library/, not the compiler's own sources
      dpkg --fsys-tarfile "$d" | tar -x -C "$dir/root" --wildcards "./usr/src/rustc-*/library" ;;
    *) dpkg -x "$d" "$dir/root" ;;
  esac
done

u=$dir/root/usr
# The fixed place, for one at a time.
fixed=/tmp/turbocat-wasm-std
exec 9>"$fixed.lock"; flock 9
rm -rf "$fixed"; mkdir -m 700 "$fixed"
final=$tc; tc=$fixed/sysroot
mkdir -p "$tc/bin" "$tc/lib/rustlib/src/rust"
mv "$u"/lib/x86_64-linux-gnu/librustc_driver-*.so "$u"/lib/x86_64-linux-gnu/libLLVM*.so* "$tc/lib/"
mv "$u/lib/rustlib/x86_64-unknown-linux-gnu" "$tc/lib/rustlib/"
mv "$u"/src/rustc-*/library "$tc/lib/rustlib/src/rust/library"
mv "$u/bin/rustc" "$tc/bin/rustc.bin"
mv "$u/lib/llvm-${llvm#libllvm}/bin/lld" "$tc/bin/lld.bin"
printf '%s\n' '#!/bin/sh' 'd=$(dirname "$(readlink -f "$0")")' \
  'LD_LIBRARY_PATH=$d/../lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$d/rustc.bin" "$@"' >"$tc/bin/rustc"
hostbin=$tc/lib/rustlib/x86_64-unknown-linux-gnu/bin
rm -rf "$hostbin"; mkdir -p "$hostbin"
printf '%s\n' '#!/bin/sh' 'd=$(dirname "$(readlink -f "$0")")/../../../..' \
  'LD_LIBRARY_PATH=$d/lib exec "$d/bin/lld.bin" "$@"' >"$hostbin/rust-lld"
chmod +x "$tc/bin/rustc" "$hostbin/rust-lld"

# Build std for each target once and put it in the sysroot.
b=$fixed/build; mkdir -p "$b/src"; : >"$b/src/lib.rs"
printf '%s\n' '[package]' 'name = "mkstd"' 'version = "0.0.0"' 'edition = "2021"' '[workspace]' \
  '[profile.release]' 'opt-level = 3' 'debug = 0' >"$b/Cargo.toml"
# What std depends on must be there before its folder can be named.
( cd "$b" && RUSTC="$tc/bin/rustc" RUSTC_BOOTSTRAP=1 cargo fetch -q --locked -Zbuild-std \
    --manifest-path "$tc/lib/rustlib/src/rust/library/Cargo.toml" )
remap="--remap-path-prefix=$tc/lib/rustlib/src/rust=/rustc --remap-path-prefix=$b=/build"
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/ /nowhere/; do
  remap="$remap --remap-path-prefix=${registry%/}=/deps"
done
for t in $targets; do
  ( cd "$b" && RUSTC="$tc/bin/rustc" RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cembed-bitcode=yes $remap" \
      cargo build -q --release -Zbuild-std=std,panic_abort --target "$t" --target-dir "$b/target" )
  mkdir -p "$tc/lib/rustlib/$t/lib"
  cp "$b/target/$t/release/deps/"*.rlib "$tc/lib/rustlib/$t/lib/"
  rm -f "$tc/lib/rustlib/$t/lib/"libmkstd-*
  say "std for $t: $(du -sh "$tc/lib/rustlib/$t" | cut -f1)"
done
rm -rf "$b" "$dir/debs" "$dir/root" "$tc/lib/rustlib/src" "$final"
mv "$tc" "$final"; tc=$final; rm -rf "$fixed"
: >"$tc/ready"
printf 'export RUSTC=%s\n' "$tc/bin/rustc" >"$dir/env"
say "ready: $("$tc/bin/rustc" -V), $(du -sh "$tc" | cut -f1); use: . $dir/env"
