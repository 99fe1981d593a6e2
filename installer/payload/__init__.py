"""What every installer carries: our wheel, the hashed list of libraries, and the `uv` that installs them.

`python -m installer.payload --target linux|windows OUT`
"""
