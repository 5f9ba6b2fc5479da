#!/usr/bin/env python3
"""Computes the nodes, weights and coefficients of `brigade::integrate`, with 60 digits.

    pip install mpmath
    python3 src/integrate/tables.py

writes `tables.rs` and `lanes/constants.rs` beside itself. Nothing is taken from a printed table; the
Rust tests compare the result with some, and with nodes that are computed there another way.
"""

import pathlib
import sys

from mpmath import mp, mpf

mp.dps = 60
HERE = pathlib.Path(__file__).parent


def legendre(n, x):
    """P_n(x) and P_(n-1)(x), by their recurrence."""
    before, now = mpf(0), mpf(1)
    for k in range(n):
        before, now = now, ((2 * k + 1) * x * now - k * before) / (k + 1)
    return now, before


def gauss(n):
    """The nodes and weights of the n-point Gauss rule, ascending."""
    nodes, weights = [], []
    for i in range(n):
        x = -mp.cos(mp.pi * (i + mpf(3) / 4) / (n + mpf(1) / 2))
        for _ in range(100):
            p, q = legendre(n, x)
            slope = n * (x * p - q) / (x * x - 1)
            step = p / slope
            x -= step
            if abs(step) < mpf(10) ** -55:
                break
        p, q = legendre(n, x)
        slope = n * (x * p - q) / (x * x - 1)
        nodes.append(x)
        weights.append(2 / ((1 - x * x) * slope * slope))
    return nodes, weights


def kronrod(n):
    """The 2n+1 nodes of Kronrod's extension of the n-point Gauss rule, their weights, and Gauss's.

    The added nodes are the zeros of Stieltjes's polynomial E of degree n+1, which is orthogonal to
    every polynomial of lower degree under the weight P_n (Kronrod 1965).
    """
    fine_x, fine_w = gauss(2 * n + 2)
    values = [[legendre(j, x)[0] for j in range(n + 2)] for x in fine_x]
    product = lambda i, j: mp.fsum(
        w * row[n] * row[i] * row[j] for w, row in zip(fine_w, values)
    )
    of_parity = list(range((n + 1) % 2, n + 1, 2))
    tests = [j for j in range(n + 1) if (j + n + n + 1) % 2 == 0][-len(of_parity):]
    matrix = mp.matrix(len(tests), len(of_parity))
    right = mp.matrix(len(tests), 1)
    for r, j in enumerate(tests):
        for c, i in enumerate(of_parity):
            matrix[r, c] = product(i, j)
        right[r] = -product(n + 1, j)
    solution = mp.lu_solve(matrix, right)
    coefficients = dict(zip(of_parity, solution))
    coefficients[n + 1] = mpf(1)

    def stieltjes(x):
        return mp.fsum(c * legendre(i, x)[0] for i, c in coefficients.items())

    gauss_x, gauss_w = gauss(n)
    borders = [mpf(-1)] + gauss_x + [mpf(1)]
    added = []
    for low, high in zip(borders, borders[1:]):
        for _ in range(30):
            middle = (low + high) / 2
            if stieltjes(low) * stieltjes(middle) <= 0:
                high = middle
            else:
                low = middle
        added.append(mp.findroot(stieltjes, (low, high), solver="anderson", tol=mpf(10) ** -100))
    nodes = sorted(gauss_x + added)
    size = len(nodes)
    system = mp.matrix(size, size)
    moments = mp.matrix(size, 1)
    for c, x in enumerate(nodes):
        for r in range(size):
            system[r, c] = legendre(r, x)[0]
    moments[0] = 2
    weights = list(mp.lu_solve(system, moments))
    inner = dict(zip(gauss_x, gauss_w))
    return nodes, weights, [inner.get(x, mpf(0)) for x in nodes]


def number(x):
    """The nearest double, in as few digits as give it back."""
    x = float(x)
    text = repr(x)
    return text if "." in text or "e" in text else text + ".0"


def array(name, doc, values, kind=None):
    kind = kind or "[f64; %d]" % len(values)
    body = "".join("    %s,\n" % value for value in values)
    return "/// %s\npub(super) const %s: %s = [\n%s];\n\n" % (doc, name, kind, body)


def tables():
    out = [
        "//! Nodes and weights, written by `tables.py`: change that, not this.\n\n",
        "#![allow(clippy::excessive_precision, clippy::unreadable_literal, clippy::approx_constant)]\n\n",
    ]
    for points in (15, 21, 31, 41, 51, 61):
        nodes, weights, inner = kronrod(points // 2)
        half = points // 2
        rows = [
            "(%s, %s, %s)" % (number(nodes[i]), number(weights[i]), number(inner[i]))
            for i in range(half, points)
        ]
        rows[0] = rows[0].replace(number(nodes[half]), "0.0", 1)
        out.append(
            array(
                "K%d" % points,
                "From the centre outwards: node, Kronrod weight, Gauss weight (zero at an added node).",
                rows,
                "[(f64, f64, f64); %d]" % (half + 1),
            )
        )
    levels = []
    for level in range(8):
        step = mpf(1) / 2**level
        points = []
        k = 1
        while k * step <= mpf("6.8125"):
            t = k * step
            points.append("(%s, %s)" % (number(mp.pi / 2 * mp.sinh(t)), number(mp.pi / 2 * mp.cosh(t))))
            k += 1 if level == 0 else 2
        levels.append(points)
    for level, points in enumerate(levels):
        out.append(
            array(
                "LEVEL%d" % level,
                "pi/2 sinh t and pi/2 cosh t at %s up to 6.8."
                % ("t = 1, 2, ..." if level == 0 else "the odd multiples t of 2^-%d" % level),
                points,
                "[(f64, f64); %d]" % len(points),
            )
        )
    (HERE / "tables.rs").write_text("".join(out).rstrip("\n") + "\n")


def constants():
    ln2 = mp.log(2)
    ln2_high = mpf(int(ln2 * 2**42)) / 2**42  # n * ln2_high is exact for |n| < 2^11
    half_pi = mp.pi / 2
    parts = []
    rest = half_pi
    for bits in (37, 75):
        part = mpf(int(rest * 2**bits)) / 2**bits
        parts.append(part)
        rest -= part
    parts.append(rest)
    # (e^r - 1 - r) / r^2 on |r| <= ln2/2, a little widened.
    with mp.workdps(40):
        f = lambda r: mp.nsum(lambda k: r**k / mp.factorial(k + 2), [0, 30])
        exp = mp.chebyfit(f, [-mpf("0.3470"), mpf("0.3470")], 10)
        # (ln((1+s)/(1-s)) - 2s) / s^3 as a polynomial in z = s^2, s <= (sqrt2 - 1)/(sqrt2 + 1).
        g = lambda z: mp.nsum(lambda k: 2 * z**k / (2 * k + 3), [0, 60])
        ln = mp.chebyfit(g, [mpf(0), mpf("0.02945")], 8)
    sin = [(-1) ** k / mp.factorial(2 * k + 1) for k in range(8, 0, -1)]
    cos = [(-1) ** k / mp.factorial(2 * k) for k in range(8, 1, -1)]
    out = [
        "//! Coefficients of the lane functions, written by `tables.py`: change that, not this.\n\n",
        "#![allow(clippy::excessive_precision, clippy::unreadable_literal, clippy::approx_constant)]\n\n",
    ]

    def one(name, doc, value):
        out.append("/// %s\npub(super) const %s: f64 = %s;\n" % (doc, name, number(value)))

    one("LOG2_E", "1 / ln 2.", 1 / ln2)
    one("LN2_HIGH", "The first 42 bits of ln 2.", ln2_high)
    one("LN2_LOW", "The rest of ln 2.", ln2 - ln2_high)
    one("TWO_OVER_PI", "2 / pi.", 2 / mp.pi)
    one("HALF_PI_1", "The first 38 bits of pi/2.", parts[0])
    one("HALF_PI_2", "The next 38 bits.", parts[1])
    one("HALF_PI_3", "The rest.", parts[2])
    out.append("\n")
    out.append(array("EXP", "(e^r - 1 - r) / r^2, the highest power first.", [number(c) for c in exp]))
    out.append(array("LN", "(ln((1+s)/(1-s)) - 2s) / s^3 in s^2, the highest power first.", [number(c) for c in ln]))
    out.append(array("SIN", "(sin r - r) / r^3 in r^2, the highest power first.", [number(c) for c in sin]))
    out.append(array("COS", "(cos r - 1 + r^2/2) / r^4 in r^2, the highest power first.", [number(c) for c in cos]))
    (HERE / "lanes" / "constants.rs").write_text("".join(out).rstrip("\n") + "\n")


if __name__ == "__main__":
    constants()
    if "--constants" not in sys.argv:
        tables()
