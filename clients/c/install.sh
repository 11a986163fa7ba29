#!/bin/sh
# Builds the library and lays it out under a prefix, for pkg-config and CMake:
#
#     clients/c/install.sh /usr/local
#     clients/c/install.sh PREFIX FOLDER     takes what is built in FOLDER, and builds nothing
set -eu
[ $# -ge 1 ] || { echo "install.sh PREFIX [FOLDER]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$1"
prefix=$(cd "$1" && pwd)
built=${2:-$root/target/client}
[ $# -ge 2 ] || (cd "$root" && cargo build --package ltlm-ffi --profile client)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)

mkdir -p "$prefix/include" "$prefix/lib/pkgconfig" "$prefix/lib/cmake/ltlm"
cp "$here/include/ltlm.h" "$here/include/ltlm.hpp" "$prefix/include/"
found=
for library in libltlm.so libltlm.dylib libltlm.a ltlm.lib ltlm.dll.lib; do
    [ ! -f "$built/$library" ] || { cp "$built/$library" "$prefix/lib/"; found=yes; }
done
[ ! -f "$built/ltlm.dll" ] || { mkdir -p "$prefix/bin"; cp "$built/ltlm.dll" "$prefix/bin/"; found=yes; }
[ -n "$found" ] || { echo "There is no library in $built." >&2; exit 1; }
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" "$here/ltlm.pc.in" >"$prefix/lib/pkgconfig/ltlm.pc"
cp "$here/cmake/ltlm-config.cmake" "$prefix/lib/cmake/ltlm/"
sed -e "s|@VERSION@|$version|" "$here/cmake/ltlm-config-version.cmake.in" >"$prefix/lib/cmake/ltlm/ltlm-config-version.cmake"
