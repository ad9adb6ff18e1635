#!/usr/bin/env bash
# Installs what is missing (packages.txt), builds, and compares gate designs: ./quickstart.sh [flags of sluice compare]
set -euo pipefail
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/setup.sh"

set_up bin/sluice
exec "$sluice_root/build/bin/sluice" compare "$@"
