"""Whether this machine's numpy rounds as the C library does, so that equality with highway-env is bitwise."""

from __future__ import annotations

import math

import numpy as np

# Environment variables, to be set before Python starts, under which it does on every machine.
PLAIN_ROUNDING = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR", "OPENBLAS_CORETYPE": "Haswell"}


def same_rounding(samples: int = 2000) -> bool:
    """Whether numpy, and with it highway-env, computes the simulator's functions to the same bits.

    On a CPU with AVX-512 numpy computes tan, arctan, arcsin and powers with a vector library of its own, and
    OpenBLAS fuses the multiply and add of dot products; both differ from plain arithmetic in the last place.
    """
    values, others = np.random.default_rng(0).uniform(-1, 1, (2, samples, 2))
    by_numpy = [(np.tan(a), np.arctan(a), np.arcsin(a), np.power(abs(a), b + 4)) for a, b in values]
    plain = [(math.tan(a), math.atan(a), math.asin(a), abs(a) ** (b + 4)) for a, b in values.tolist()]
    products = (values * others).tolist()
    dots = [np.dot(one, other) for one, other in zip(values, others, strict=True)]
    return by_numpy == plain and dots == [a + b for a, b in products]
