"""Concurrency, crash and fault-injection tests of the shop's guarantees.

``python -m verification`` runs all numbered verifications, ``python -m verification 3 5`` some.
Each prints one line with its figures, seed, commit and machine, and the exit code shows failures.
``--broken`` runs them on deliberately broken variants of the shop, where each must fail.
docs/verification.md lists what each verification shows and what it cannot show.
"""
