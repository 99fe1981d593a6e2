"""What keeps a worker in: Linux namespaces, Landlock, seccomp and limits.

Written for Linux; nothing here imports anything that another system lacks until it is called.
"""
