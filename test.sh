#!/usr/bin/env bash
# Installs what is missing (packages.txt), builds, and runs every test: ./test.sh [further arguments of ctest]
set -euo pipefail
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/setup.sh"

set_up
exec ctest --test-dir "$sluice_root/build" -j 2 --timeout 300 --no-tests=error --output-on-failure "$@"
