"""Windows' signature over a program, made with osslsigncode where the publisher's key is named.

The key is never part of the source, of a command line or of the environment: what is named are files.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

KEY: Final = "HEARTH_AUTHENTICODE_KEY"
"""The variable that names the file of the secret key, PEM; with it come the next."""
CERTIFICATE: Final = "HEARTH_AUTHENTICODE_CERTIFICATE"
"""Names the file of the certificate, and of those between it and its root, PEM."""
PASSWORD: Final = "HEARTH_AUTHENTICODE_PASSWORD"  # noqa: S105 - a variable's name
"""Names the file whose text opens the key, if it is locked."""
TIMESTAMP: Final = "HEARTH_AUTHENTICODE_TIMESTAMP"
"""The address of a time stamping authority: without its word, a signature ends with its certificate."""


@dataclass(frozen=True, slots=True)
class Authenticode:
    """Signs programs with one key. All but `timestamp`, an address, are files."""

    key: Path
    certificate: Path
    password: Path | None = None
    timestamp: str = ""

    @classmethod
    def named(cls, environ: Mapping[str, str]) -> Self | None:
        """The publisher's, or None where no key is named. Raises ValueError for a key without a certificate."""
        if not environ.get(KEY):
            print(f"The Windows setup is not signed: {KEY} names no key.", file=sys.stderr)
            return None
        if not environ.get(CERTIFICATE):
            raise ValueError(f"{KEY} names a key, and {CERTIFICATE} names no certificate for it.")
        password = Path(environ[PASSWORD]).absolute() if environ.get(PASSWORD) else None
        return cls(
            Path(environ[KEY]).absolute(), Path(environ[CERTIFICATE]).absolute(), password, environ.get(TIMESTAMP, "")
        )

    def sign(self, program: Path) -> None:
        """Sign a program where it lies. Raises CalledProcessError, with the program as it was, if that is refused."""
        signed = program.with_name(f"{program.name}.signed")
        line = [*self._line(), "-in", str(program), "-out", str(signed)]
        subprocess.run(line, stdout=sys.stderr, check=True)
        signed.replace(program)

    def command(self) -> str:
        """A command that makensis runs on the uninstaller it has made, whose name it appends in quotes."""
        return shlex.join([sys.executable, __file__])

    def environment(self) -> dict[str, str]:
        """What `named` makes this of again."""
        told = {KEY: str(self.key), CERTIFICATE: str(self.certificate), TIMESTAMP: self.timestamp}
        return told | ({PASSWORD: str(self.password)} if self.password else {})

    def _line(self) -> list[str]:
        line = ["osslsigncode", "sign", "-h", "sha256", "-key", str(self.key), "-certs", str(self.certificate)]
        line += ["-n", "Hearth"]
        if self.password:
            line += ["-readpass", str(self.password)]
        if self.timestamp:
            line += ["-ts", self.timestamp]
        return line


def main() -> None:
    """Sign the program that is named, with the key the environment names."""
    authenticode = Authenticode.named(os.environ)
    if authenticode is None:
        sys.exit(1)
    authenticode.sign(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
