#!/usr/bin/env python3
"""Prints the polynomials of vector_math.h: minimax by Remez' exchange, then rounded to f32.

    python3 ops/kernels/make_polynomials.py     # needs mpmath (Debian: python3-mpmath)

Each approximates, over an interval, what is left of a function when its first terms, whose
coefficients are exact, are split off: e^r = 1 + r + r^2 P(r). The error is weighted so that the whole
function's relative error is what becomes least. A coefficient is rounded to f32, highest power last,
and the ones below it are fitted again, so that they make up for the rounding.
"""

import struct
import sys

from mpmath import atanh, cos, exp, log, lu_solve, matrix, mp, mpf, pi, sin, sqrt

mp.dps = 40


def to_f32(x):
    return mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def solve(target, weight, low, high, powers, fixed):
    """Coefficients of `powers` for the least largest |weight(t) (P(t) - target(t))|."""
    count = len(powers) + 1
    points = [
        (low + high) / 2 - (high - low) / 2 * cos(pi * i / (count - 1)) for i in range(count)
    ]
    rest = lambda t: target(t) - sum(c * t**p for p, c in fixed.items())
    for _ in range(12):
        system = matrix(count, count)
        right = matrix(count, 1)
        for i, t in enumerate(points):
            for j, power in enumerate(powers):
                system[i, j] = t**power
            system[i, count - 1] = (-1) ** i / weight(t)
            right[i] = rest(t)
        solution = lu_solve(system, right)
        error = lambda t: weight(t) * (
            sum(solution[j] * t**p for j, p in enumerate(powers)) - rest(t)
        )
        points = extrema(error, low, high, count)
    return {p: solution[j] for j, p in enumerate(powers)}, max(abs(error(t)) for t in points)


def extrema(error, low, high, count):
    """Where the error is largest between its changes of sign."""
    grid = [(low + high) / 2 - (high - low) / 2 * cos(pi * i / 400) for i in range(401)]
    values = [error(t) for t in grid]
    groups = []
    for t, value in zip(grid, values):
        if groups and (groups[-1][1] > 0) == (value > 0):
            if abs(value) > abs(groups[-1][1]):
                groups[-1] = (t, value)
        else:
            groups.append((t, value))
    while len(groups) > count:  # more changes than wanted: rounding near zero
        groups.remove(min((groups[0], groups[-1]), key=lambda group: abs(group[1])))
    if len(groups) < count:
        return [(low + high) / 2 - (high - low) / 2 * cos(pi * i / (count - 1)) for i in range(count)]
    return [t for t, _ in groups]


def make(name, target, weight, low, high, degree):
    low, high = mpf(low), mpf(high)
    # Where numerator and denominator vanish together.
    near = (high - low) * mpf(10) ** -12
    safe = lambda f: lambda t: f(t if abs(t) > near else near)
    fixed = {}
    for power in range(degree + 1):
        powers = list(range(power, degree + 1))
        fitted, _ = solve(safe(target), safe(weight), low, high, powers, fixed)
        fixed[power] = to_f32(fitted[power])
    grid = [low + (high - low) * i / 2000 for i in range(2001)]
    error = max(
        abs(safe(weight)(t) * (sum(c * t**p for p, c in fixed.items()) - safe(target)(t)))
        for t in grid
    )
    print(f"{name}, relative error 2^{float(log(error, 2)):.1f}, constant first:")
    print("  " + ", ".join(f"{float(c):.9e}F" for _, c in sorted(fixed.items())))


def main():
    half = log(2) / 2 * mpf("1.001")
    make("exp: (e^r - 1 - r) / r^2", lambda r: (exp(r) - 1 - r) / r**2,
         lambda r: r**2 / exp(r), -half, half, 4)
    make("expm1: (e^r - 1 - r) / r^2", lambda r: (exp(r) - 1 - r) / r**2,
         lambda r: sqrt(r**2 + mpf("0.0009")), -half, half, 4)  # about r^2 / (e^r - 1); not 0 at 0
    # s = f / (2 + f) for m = 1 + f in [sqrt(1/2), sqrt(2)]; in z = s^2.
    largest = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2
    make("log: (2 artanh(s) - 2 s) / s^3, z = s^2",
         lambda z: (2 * atanh(sqrt(z)) - 2 * sqrt(z)) / sqrt(z) ** 3,
         lambda z: z / (2 * atanh(sqrt(z)) / sqrt(z)), 0, largest, 2)
    quarter = (pi / 4 * mpf("1.001")) ** 2
    make("sin: (sin r - r) / r^3, z = r^2", lambda z: (sin(sqrt(z)) - sqrt(z)) / sqrt(z) ** 3,
         lambda z: sqrt(z) ** 3 / sin(sqrt(z)), 0, quarter, 2)
    make("cos: (cos r - 1 + r^2 / 2) / r^4, z = r^2",
         lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, lambda z: z**2 / cos(sqrt(z)), 0, quarter, 2)
    for name, number in (("ln 2", log(2)), ("pi / 2", pi / 2)):
        parts = []
        for _ in range(3):
            parts.append(to_f32(number))
            number -= parts[-1]
        print(name + " in parts: " + ", ".join(f"{float(part):.9e}F" for part in parts))


if __name__ == "__main__":
    sys.exit(main())
