"""The bill that goes with an answer: usage as OpenAI counts it, cost as Routstr tells it, our signed receipt.

Where the parts go. `usage` is OpenAI's, with Routstr's `cost` and `cost_sats` in it. The change of a token payment is
a token in the `X-Cashu` header of a whole answer; the headers of a stream are long gone when it is known, so there it
is the field `x_cashu` of the last event before `[DONE]`. Beside it, and in a whole answer's body, `hearth` holds the
job, the seed that replays it, what was charged and the receipt with its signature. Other clients ignore both fields.
"""

from __future__ import annotations

from dataclasses import asdict

from desktop.domain.money import MSAT_PER_SAT
from desktop.domain.pricing import Usage
from desktop.network.api.desk import Settlement
from desktop.network.api.errors import Problem
from desktop.network.api.response import cashu

COST_HEADER = b"x-routstr-cost-msats"


def usage_object(usage: Usage, settlement: Settlement | Problem) -> dict[str, object]:
    """`usage` of an answer."""
    counted: dict[str, object] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    if isinstance(settlement, Settlement):
        counted["cost"] = {"total_msats": settlement.charged.msat}
        counted["cost_sats"] = settlement.charged.msat // MSAT_PER_SAT
    return counted


def hearth_object(job_id: str, seed: int | None, settlement: Settlement | Problem | None) -> dict[str, object]:
    """`hearth` of an answer: what only our own clients understand."""
    told: dict[str, object] = {"job": job_id}
    if seed is not None:
        told["seed"] = seed
    if isinstance(settlement, Problem):
        told.update(settlement.body())
    elif settlement is not None:
        told["charged_msat"] = settlement.charged.msat
        if settlement.receipt is not None:
            told["receipt"] = asdict(settlement.receipt.receipt)
            told["signature"] = settlement.receipt.signature
    return told


def bill_headers(settlement: Settlement | Problem | None) -> list[tuple[bytes, bytes]]:
    """The headers of a whole answer: the cost and the change."""
    if not isinstance(settlement, Settlement):
        return []
    headers = [(COST_HEADER, b"%d" % settlement.charged.msat)]
    if settlement.change_token is not None:
        headers.append(cashu(settlement.change_token))
    return headers
