"""The Linux packages: .deb, .rpm, and a self-extracting .run for one user. `python -m installer` builds them."""
