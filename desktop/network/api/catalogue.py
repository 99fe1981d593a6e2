"""`GET /v1/info` and `GET /v1/models`: who we are and what is for sale, in Routstr's words."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import Send

from desktop.domain.errors import ModelNotFound
from desktop.domain.model import ModelKind, Offer
from desktop.domain.money import MSAT_PER_SAT
from desktop.domain.pricing import TOKENS_PER_PRICE, Usage
from desktop.network.api.desk import Desk
from desktop.network.api.limits import Limits
from desktop.network.api.response import send_json
from desktop.network.api.schema import MOST_MESSAGES, MOST_STOPS, MOST_TEXTS


class Catalogue:
    """What anybody may read. `since_s` is told as the models' `created`: since when they are offered."""

    def __init__(self, desk: Desk, limits: Limits, *, since_s: int) -> None:
        self._desk = desk
        self._limits = limits
        self._since_s = since_s

    async def info(self, _request: Request, send: Send) -> None:
        """The node."""
        info = self._desk.info()
        hosts = {endpoint: urlsplit(endpoint) for endpoint in info.endpoints}
        web = [endpoint for endpoint, parts in hosts.items() if parts.scheme in {"http", "https"}]
        onion = [endpoint for endpoint in web if (hosts[endpoint].hostname or "").endswith(".onion")]
        plain = [endpoint for endpoint in web if endpoint not in onion]
        await send_json(
            send,
            200,
            {
                "name": info.name,
                "description": info.description,
                "version": info.version,
                "npub": info.npub,
                "mints": info.mints,
                "http_url": plain[0] if plain else "",
                "onion_url": onion[0] if onion else "",
                "endpoint_id": info.endpoint_id,
                "endpoints": info.endpoints,
                "limits": self._advertised(),
            },
        )

    async def models(self, _request: Request, send: Send) -> None:
        """All models for sale."""
        await send_json(send, 200, {"object": "list", "data": [self._entry(offer) for offer in self._desk.offers()]})

    async def model(self, request: Request, send: Send) -> None:
        """One of them."""
        wanted = request.path_params["model"]
        for offer in self._desk.offers():
            if offer.model.id == wanted:
                await send_json(send, 200, self._entry(offer))
                return
        raise ModelNotFound("That model is not for sale here.", now="GET /v1/models lists those that are.")

    def _advertised(self) -> dict[str, object]:
        limits = self._limits
        return {
            "body_bytes": limits.body_bytes,
            "head_bytes": limits.head_bytes,
            "headers": limits.headers,
            "messages": MOST_MESSAGES,
            "texts": MOST_TEXTS,
            "stop_strings": MOST_STOPS,
            "requests_in_flight": limits.requests_in_flight,
            "requests_per_second_per_key": limits.key_rate_per_s,
            "requests_per_second_per_address": limits.address_rate_per_s,
        }

    def _entry(self, offer: Offer) -> dict[str, object]:
        model, price = offer.model, offer.price
        answers = model.kind is ModelKind.CHAT
        return {
            "id": model.id,
            "object": "model",
            "created": self._since_s,
            "owned_by": "hearth",
            "name": model.name,
            "description": f"{model.name}, {model.parameters:,} parameters, {model.dtype}, licence {model.licence}",
            "context_length": model.context_tokens,
            "architecture": {
                "modality": "text->text" if answers else "text->embeddings",
                "input_modalities": ["text"],
                "output_modalities": ["text" if answers else "embeddings"],
                "tokenizer": "",
                "instruct_type": None,
            },
            "sats_pricing": _sats(offer),
            "per_request_limits": None,
            "top_provider": {
                "context_length": model.context_tokens,
                "max_completion_tokens": model.max_output_tokens,
                "is_moderated": False,
            },
            "enabled": True,
            # The exact integers, so that a bill can be checked to the millisat.
            "hearth": {
                "kind": model.kind,
                "digest": model.digest,
                "dtype": model.dtype,
                "licence": model.licence,
                "parameters": model.parameters,
                "prompt_msat_per_million": price.prompt_msat_per_million,
                "completion_msat_per_million": price.completion_msat_per_million,
                "request_msat": price.request_msat,
                "max_cost_msat": offer.max_cost.msat,
            },
        }


def _sats(offer: Offer) -> dict[str, float]:
    """Prices in sats: per token, per request, and the most that one request can cost (RIP-05)."""
    price, model = offer.price, offer.model
    per_sat = MSAT_PER_SAT * TOKENS_PER_PRICE
    fee = price.request_msat
    return {
        "prompt": price.prompt_msat_per_million / per_sat,
        "completion": price.completion_msat_per_million / per_sat,
        "request": fee / MSAT_PER_SAT,
        "image": 0.0,
        "web_search": 0.0,
        "internal_reasoning": 0.0,
        "max_prompt_cost": (price.cost(Usage(model.context_tokens, 0)).msat - fee) / MSAT_PER_SAT,
        "max_completion_cost": (price.cost(Usage(0, model.max_output_tokens)).msat - fee) / MSAT_PER_SAT,
        "max_cost": offer.max_cost.msat / MSAT_PER_SAT,
    }
