#!/usr/bin/env python3
"""Makes one Markdown table of the results that run.sh leaves in a folder: report.py FOLDER"""

import json
import pathlib
import platform
import sys

HEADER = """| benchmark | rate | spread | share of limit | ratio to peer | quartiles | peak MB |
| --- | --- | --- | --- | --- | --- | --- |"""


def machine():
    """What the figures were measured on, in a line."""
    info = dict(line.split(":", 1) for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in info.items()}
    cores = int(fields.get("processor", 0)) + 1
    vectors = next((name for name in ("avx512f", "avx2") if name in fields.get("flags", "")), "no AVX")
    return f"{fields.get('model name', platform.machine())}, {cores} cores, {vectors}, {platform.system()} {platform.release()}"


def rate(row):
    for counter, unit in [("tokens_per_second", "tokens/s"), ("flops_per_second", "GFLOP/s"),
                          ("bytes_per_second", "GB/s"), ("copy_bytes_per_second", "GB/s copied")]:
        if counter in row:
            value = row[counter]
            return f"{value:,.0f} {unit}" if unit == "tokens/s" else f"{value / 1e9:.1f} {unit}"
    return ""


def ratio(low, median, high):
    told = "cannot tell" if low <= 1 <= high else f"{median:.2f}"
    return told, f"{low:.2f}-{high:.2f}"


def google_row(row):
    """A row of Google Benchmark's JSON."""
    name = row["name"]
    if row.get("error_occurred"):
        return [name, f"failed: {row['error_message']}"]
    cells = [name, rate(row)]
    cells.append(f"{row['spread']:.1%}" if "spread" in row else "")
    cells.append(f"{row['share_of_limit']:.0%}" if "share_of_limit" in row else "")
    cells += ratio(row["ratio_low"], row["ratio"], row["ratio_high"]) if "ratio" in row else ["", ""]
    cells.append(f"{row['peak_bytes'] / 1e6:.1f}" if "peak_bytes" in row else "")
    return cells


def pytorch_row(row):
    if "error" in row:
        return [row["name"], f"failed: {row['error']}"]
    ours = row["ours"]["tokens_per_second"]
    spread = (ours["high"] - ours["low"]) / ours["median"]
    quartiles = row["ratio"]
    return [row["name"], f"{ours['median']:,.0f} tokens/s", f"{spread:.1%}", "",
            *ratio(quartiles["low"], quartiles["median"], quartiles["high"]),
            f"{row['ours']['peak_bytes'] / 1e6:.1f}"]


def main():
    folder = pathlib.Path(sys.argv[1])
    rows = []
    for part in ("limits", "onednn", "training", "planning", "own_cell", "ops", "pytorch"):
        file = folder / f"{part}.json"
        if not file.exists():
            continue
        try:
            results = json.loads(file.read_text())
        except json.JSONDecodeError:
            rows.append([part, "failed: ended before its results were complete"])
            continue
        rows += [google_row(row) for row in results.get("benchmarks", [])]
        rows += [pytorch_row(row) for row in results.get("rows", [])]
    print(f"Measured on: {machine()}.\n\nA ratio above 1 says that ours is faster; where its quartiles lie on both "
          f"sides of 1, nothing can be told.\n\n{HEADER}")
    for row in rows:
        print("| " + " | ".join(row + [""] * (7 - len(row))) + " |")
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
