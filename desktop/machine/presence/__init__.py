"""Whether the owner is at the computer: idle time, lock, fullscreen, battery, metered network.

`sensor.py` is the face. Each system's file (`linux.py`, `windows.py`) says which sources there are for a signal, best
first; each source is one file. Nothing here decides anything: that is the node's policy.
"""
