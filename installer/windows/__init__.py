"""The Windows setup: one .exe for one user, without an administrator. `python -m installer` builds it."""
