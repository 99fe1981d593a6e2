"""How far the wire reaches: this machine only, or the world."""

from __future__ import annotations

from dataclasses import dataclass

from iroh import Endpoint, EndpointBuilder, IrohError, RelayMode

from desktop.domain.errors import NetworkError

ALPN = b"hearth/http/1"


@dataclass(frozen=True, slots=True)
class Reach:
    """Where an endpoint may be reached from and which relays help it.

    `loopback` binds to this machine only and asks no outside service, for demos and tests. Otherwise iroh's own
    discovery and, unless `relays` (https urls) names others, its public relays are used.
    """

    loopback: bool = False
    relays: tuple[str, ...] = ()


async def bind(reach: Reach, *, secret: bytes | None, accept: bool) -> Endpoint:
    """Open an endpoint; without a secret (32 bytes) its identity is new and lives as long as it does.

    Raises NetworkError if no socket can be had.
    """
    if reach.loopback:
        try:
            return await _builder(reach, secret, accept, ("127.0.0.1:0", "[::1]:0")).bind()
        except IrohError:  # a machine without IPv6
            return await _bind(_builder(reach, secret, accept, ("127.0.0.1:0",)))
    return await _bind(_builder(reach, secret, accept, ()))


async def _bind(builder: EndpointBuilder) -> Endpoint:
    try:
        return await builder.bind()
    except IrohError as error:
        raise NetworkError(
            "No network socket could be opened.",
            why=f"The wire said: {error.kind().name.lower()}.",
            now="Check whether a firewall forbids UDP, then start again.",
        ) from error


def _builder(reach: Reach, secret: bytes | None, accept: bool, binds: tuple[str, ...]) -> EndpointBuilder:  # noqa: FBT001 - private, called by position once
    builder = EndpointBuilder()  # type: ignore[no-untyped-call] # the generated constructor has no annotations
    if reach.loopback:
        builder.apply_minimal()
        builder.relay_mode(RelayMode.disabled())
    else:
        builder.apply_n0()
        if reach.relays:
            builder.relay_mode(RelayMode.custom_from_urls(list(reach.relays)))
    for address in binds:
        builder.bind_addr(address)
    if secret is not None:
        builder.secret_key(secret)
    if accept:
        builder.alpns([ALPN])
    return builder
