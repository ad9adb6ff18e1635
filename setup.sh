# Sourced by quickstart.sh, test.sh and .ci/run: installs the packages of packages.txt that are missing and
# builds. Everything it prints goes to standard error, so standard output is the program's own.

sluice_root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Files that list what has to be installed.
package_lists=("$sluice_root/packages.txt")

# The packages of these lists that are not installed.
missing_packages() {
  local package state
  cat "${package_lists[@]}" | sed 's/#.*//' | tr -s '[:space:]' '\n' | sed '/^$/d' | while read -r package; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=unknown
    # Slim container images leave out everything under /usr/share/doc, which is where this text is.
    if [ "$package" = jargon-text ] && [ ! -e /usr/share/doc/jargon-text/jargon.txt.gz ]; then
      state=without-text
    fi
    [ "$state" = installed ] || printf '%s\n' "$package"
  done
}

# Installs what is missing. Touches neither the network nor sudo if nothing is.
install_packages() {
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    fail "there is no apt-get here: this script is for Debian 12. Elsewhere, install what packages.txt lists under" \
      "your system's names for it and build with cmake -S . -B build -G Ninja && cmake --build build"
  local missing
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086  # one word a package
  set -- $missing
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    local as_root_install="packages are missing, and installing them takes root. As root: apt-get install --no-install-recommends $*"
    command -v sudo >/dev/null || fail "$as_root_install"
    sudo true || fail "sudo refused; $as_root_install"
    as_root=(sudo)
  fi
  echo "Installing $*" >&2
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3
    -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update >&2 </dev/null || fail "apt-get update failed; see above"
  # --reinstall: a package whose files were left out counts as missing.
  "${apt[@]}" -o 'Dpkg::Options::=--path-include=/usr/share/doc/jargon-text/*' \
    install --no-install-recommends --reinstall "$@" >&2 </dev/null ||
    fail "apt-get could not install $*; see above"
}

# configure FOLDER [cmake arguments]: makes the build folder beside this file ready.
configure() {
  local folder=$sluice_root/$1 fresh=()
  shift
  # A folder configured for another place (the checkout was moved or copied) or generator starts afresh.
  if [ -f "$folder/CMakeCache.txt" ] &&
    ! { grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$sluice_root" "$folder/CMakeCache.txt" &&
      grep -qxF "CMAKE_CACHEFILE_DIR:INTERNAL=$folder" "$folder/CMakeCache.txt" &&
      grep -qxF "CMAKE_GENERATOR:INTERNAL=Ninja" "$folder/CMakeCache.txt"; }; then
    fresh=(--fresh)
  fi
  cmake "${fresh[@]}" -S "$sluice_root" -B "$folder" -G Ninja "$@" >&2 ||
    fail "cmake could not configure $folder; see above"
}

# build FOLDER [targets]
build() {
  local folder=$sluice_root/$1 targets=()
  shift
  [ $# -eq 0 ] || targets=(--target "$@")
  cmake --build "$folder" "${targets[@]}" >&2 || fail "the build in $folder failed; see above"
}

# The one set-up of quickstart.sh and test.sh: set_up [targets]
set_up() {
  install_packages
  configure build -DCMAKE_BUILD_TYPE=Release
  build build "$@"
}
