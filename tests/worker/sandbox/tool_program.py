"""A program for `test_tool`: order, source, result."""

import mmap
import os
import shutil
import socket
import sys
import time
from pathlib import Path


def make_something_odd(kind: str, result: str) -> None:
    if kind == "symlink":
        Path(result).symlink_to("/etc/passwd")
    elif kind == "hardlink":
        Path(result).touch()
        Path(result + "2").hardlink_to(result)
    else:
        os.mkfifo(result)


def main() -> None:
    order, source, result = sys.argv[1:]
    verb, _, target = order.partition("=")
    match verb:
        case "symlink" | "hardlink" | "fifo":
            make_something_odd(verb, result)
        case "copy":
            shutil.copyfile(source, result)
        case "read":
            Path(target).read_bytes()
        case "write":
            Path(target).write_text("mine", encoding="utf-8")
        case "connect":
            socket.create_connection(("127.0.0.1", 9)).close()
        case "fail":
            sys.exit("it cannot go on")
        case "sleep":
            time.sleep(60)
        case "share":
            area = mmap.mmap(-1, 400 << 20)
            for start in range(0, 400 << 20, mmap.PAGESIZE):
                area[start] = 1
            time.sleep(60)


if __name__ == "__main__":
    main()
