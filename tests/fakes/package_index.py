"""Small real wheels, and the pages by which a package index (PEP 691) offers them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile

from tests.fakes.content_server import ContentServer

_JSON = "application/vnd.pypi.simple.v1+json"


def wheel(
    name: str, version: str, files: dict[str, str], requires: tuple[str, ...] = (), ballast: bytes = b""
) -> bytes:
    """A wheel for any Python and any system. `ballast` is stored as it is, to give it weight."""
    info = f"{name}-{version}.dist-info"
    metadata = "".join(
        [
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            *(f"Requires-Dist: {each}\n" for each in requires),
        ]
    )
    contents = {path: text.encode() for path, text in files.items()}
    contents |= {f"{name}/ballast.bin": ballast} if ballast else {}
    contents[f"{info}/METADATA"] = metadata.encode()
    contents[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, data in contents.items():
            archive.writestr(path, data)
    return packed.getvalue()


def offer(server: ContentServer, index: str, packages: dict[tuple[str, str], bytes]) -> None:
    """Let `server` be the package index below `/index/simple/`; wheels lie below `/files/`."""
    for (name, version), data in packages.items():
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        server.files[f"/files/{file}"] = data
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            (metadata,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
            server.files[f"/files/{file}.metadata"] = archive.read(metadata)
        listed = {
            "filename": file,
            "url": f"{server.url}/files/{file}",
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            "size": len(data),
            "core-metadata": True,
        }
        path = f"/{index}/simple/{name}/"
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [version], "files": [listed]}
        server.files[path] = json.dumps(page).encode()
        server.types[path] = _JSON


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
