"""A hub of models on loopback, with repositories made of given bytes, listed as the real one lists them."""

from __future__ import annotations

import hashlib
import json

from tests.fakes.content_server import ContentServer

COMMIT = "c" * 40


def publish(
    server: ContentServer, repository: str, files: dict[str, bytes], *, commit: str = COMMIT, branch: str = "main"
) -> None:
    """Offer `files` as `repository`; safetensors are listed with a sha256, the others with git's id."""
    siblings = []
    for path, data in files.items():
        blob = hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()
        sibling: dict[str, object] = {"rfilename": path, "size": len(data), "blobId": blob}
        if path.endswith(".safetensors"):
            sibling["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        siblings.append(sibling)
        server.files[f"/{repository}/resolve/{commit}/{path}"] = data
    told = {"id": repository, "sha": commit, "private": False, "siblings": siblings}
    server.files[f"/api/models/{repository}/revision/{branch}"] = json.dumps(told).encode()


def chat_repository(*, shards: int = 1, seed: bytes = b"w") -> dict[str, bytes]:
    """A repository that has all a chat model needs, weights aside."""
    names = (
        ["model.safetensors"] if shards == 1 else [f"model-{n:05}-of-{shards:05}.safetensors" for n in range(shards)]
    )
    tokenizer = {"added_tokens": [{"id": 2, "content": "<|end|>"}, {"id": 3, "content": "<|stop|>"}], "model": {}}
    return {
        "config.json": json.dumps({"architectures": ["Qwen2ForCausalLM"]}).encode(),
        "tokenizer.json": json.dumps(tokenizer).encode(),
        "tokenizer_config.json": json.dumps({"chat_template": "{{ messages }}", "eos_token": "<|end|>"}).encode(),
        "generation_config.json": json.dumps({"eos_token_id": [2, 3]}).encode(),
        "README.md": b"# A model",
        "pytorch_model.bin": b"never fetched",
        **{name: seed * (50_000 + number) for number, name in enumerate(names)},
    }
