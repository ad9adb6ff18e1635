#!/usr/bin/env bash
# Runs all benchmarks and writes build/bench/report.md: one table with ratios, shares and spreads. Takes about half an
# hour; --quick takes some minutes for the sizes that say most.
#   bench/run.sh [--quick] [onednn|pytorch|limits|training|planning|own_cell|ops]...
set -uo pipefail
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../setup.sh"

results=$sluice_root/build/bench
programs=$sluice_root/build/bin
package_lists+=("$sluice_root/bench/packages.txt")

quick=
seconds=1  # of timed steps for each benchmark
parts=()
for argument in "$@"; do
  case $argument in
    --quick) quick=1 seconds=0.3 ;;
    onednn | pytorch | limits | training | planning | own_cell | ops) parts+=("$argument") ;;
    *) fail "usage: bench/run.sh [--quick] [onednn|pytorch|limits|training|planning|own_cell|ops]..." ;;
  esac
done
[ ${#parts[@]} -gt 0 ] || parts=(limits onednn training planning own_cell ops pytorch)

# run NAME MINUTES COMMAND...: a part that fails or takes too long leaves the others alone.
failed=()
run() {
  local name=$1 minutes=$2
  shift 2
  printf '%s\n' "$name" >&2
  timeout "${minutes}m" "$@" >"$results/$name.log" 2>&1 || failed+=("$name")
}

# google NAME MINUTES FILTER-IF-QUICK: a program that is Google Benchmark's.
google() {
  local name=$1 minutes=$2 filter=.
  [ -z "$quick" ] || filter=$3
  rm -f "$results/$name.json"
  run "$name" "$minutes" "$programs/bench_$name" --seconds="$seconds" --benchmark_filter="$filter" \
    --benchmark_out="$results/$name.json" --benchmark_out_format=json
}

part_limits() { google limits 2 .; }
part_onednn() { google onednn 10 '/(gru|lstm)/T35_B32_'; }
part_training() { google training 30 '/(gru|lstm)/(T35_B32|T64_B8_|T1_)'; }
part_planning() { google planning 15 '/(1000|10000|100000)/'; }
part_own_cell() { google own_cell 10 '/T35_B32_'; }
part_ops() { google ops 40 'op/(add|tanh|sum|matmul|packed_matmul)/'; }
part_pytorch() {
  rm -f "$results/pytorch.json"
  run pytorch 30 /usr/bin/python3 "$sluice_root/bench/pytorch_peer.py" --program="$programs/training_steps" \
    --seconds="$seconds" --filter="${quick:+T35_B32}" --json="$results/pytorch.json"
}

install_packages
configure build -DCMAKE_BUILD_TYPE=Release
build build bench_programs
mkdir -p "$results"
for part in "${parts[@]}"; do "part_$part"; done
/usr/bin/python3 "$sluice_root/bench/report.py" "$results" >"$results/report.md" || failed+=(report)
echo "$results/report.md"
[ ${#failed[@]} -eq 0 ] || fail "failed, see $results/*.log: ${failed[*]}"
