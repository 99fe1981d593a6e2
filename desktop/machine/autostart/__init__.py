"""Starting with the computer: the window in the tray when its owner logs in, or the node alone on a server.

The systems' own places are used and nothing is kept beside them, so what the owner changes there with other programs
holds too. `here.py` makes the ones of the system this runs on.
"""
