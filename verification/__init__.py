"""What the shop promises, each promise shown by one command that can fail.

``python -m verification`` runs every proof, ``python -m verification 3 5`` some. Each prints one line, with its
figure, seed, commit and machine, and exits non-zero when it falls short; ``--broken`` runs it on a
deliberately broken shop, where it must. What each proof shows and what it cannot: docs/verification.md.
"""
