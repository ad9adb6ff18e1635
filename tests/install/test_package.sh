#!/usr/bin/env bash
# Installs a build, moves it elsewhere, and uses it as others would, out of the source tree: with find_package, with
# pkg-config, as a plug-in, and as a program. test_package.sh BUILD_FOLDER CMAKE COMPILER LIB_FOLDER
set -euo pipefail
build=$1 cmake=$2 compiler=$3 lib=$4
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

step() { printf -- '-- %s\n' "$*"; }
expect() {  # expect TEXT COMMAND...
  local text=$1 output
  shift
  output=$("$@")
  [ "$output" = "$text" ] || { printf 'expected "%s", got "%s" from: %s\n' "$text" "$output" "$*"; exit 1; }
}

step "install, and move what was installed"
"$cmake" --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/prefix"
cp -r "$here/consumer" "$work/consumer"
# Every installed header at once. The two that show a tape or a tensor to a third library are left to who has it.
(cd "$work/prefix/include" && find sluice -name '*.h' ! -name boost_graph.h ! -name eigen.h | sort) |
  sed 's/.*/#include <&>/' >"$work/consumer/all_headers.inc"

step "find_package"
"$cmake" -S "$work/consumer" -B "$work/consumer/build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/log" || { cat "$work/log"; exit 1; }
"$cmake" --build "$work/consumer/build" >"$work/log" || { cat "$work/log"; exit 1; }
expect "5" "$work/consumer/build/consumer"

step "plug-in"
[ -e "$work/consumer/build/libnegate_twice.so" ] || { echo "no libnegate_twice.so was built"; exit 1; }
expect "5 5" "$work/consumer/build/consumer" "$work/consumer/build/libnegate_twice.so"

step "pkg-config"
export PKG_CONFIG_PATH=$work/prefix/$lib/pkgconfig
read -r -a flags <<<"$(pkg-config --cflags --libs sluice)"
"$compiler" -std=c++20 "$work/consumer/consumer.cc" -o "$work/with_pkg_config" "${flags[@]}" \
  "-Wl,-rpath,$(pkg-config --variable=libdir sluice)"
expect "5" "$work/with_pkg_config"
case $(ldd "$work/with_pkg_config") in
  *"$work/prefix/"*libsluice*) ;;
  *) echo "the example runs with another libsluice.so than the installed one"; exit 1 ;;
esac

if [ -e "$work/prefix/bin/sluice" ]; then
  step "program"
  case $(ldd "$work/prefix/bin/sluice") in
    *"$work/prefix/bin/../$lib/libsluice.so"*) ;;
    *) echo "the installed program runs with another libsluice.so than the installed one"; exit 1 ;;
  esac
  "$work/prefix/bin/sluice" list cells
  ops=$("$work/prefix/bin/sluice" list ops --plugin="$work/consumer/build/libnegate_twice.so")
  case $ops in
    *negate_twice*) ;;
    *) echo "the installed program did not load the plug-in"; exit 1 ;;
  esac
  "$work/prefix/bin/sluice" graph --cell="$work/prefix/share/sluice/cells/mgu.cell" >"$work/log"
fi
