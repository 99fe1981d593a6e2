"""The most a request can cost, known before a token is read: what a buyer must bring."""

from __future__ import annotations

from desktop.domain.bound import chat_bound, text_bound, texts_bound
from desktop.domain.errors import ContextOverflow
from desktop.domain.inference import Sampling
from desktop.domain.model import Offer
from desktop.domain.money import Money
from desktop.domain.pricing import Usage
from desktop.network.api.desk import Order


def prompt_bound(order: Order) -> int:
    """An upper bound of the prompt's tokens, from its UTF-8 length alone."""
    if order.text is not None:
        return text_bound(order.text)
    return texts_bound(order.texts) if order.texts else chat_bound(order.messages)


def most_tokens(offer: Offer, sampling: Sampling | None) -> int:
    """The longest answer that may come back; ContextOverflow if the buyer asks for more than the model can give."""
    if sampling is None:
        return 0
    limit = min(offer.model.max_output_tokens, offer.model.context_tokens)
    if sampling.max_tokens is None:
        return limit
    if sampling.max_tokens > limit:
        raise ContextOverflow(
            f"max_tokens is {sampling.max_tokens}; {offer.model.id} writes at most {limit}.",
            parameter="max_tokens",
            now=f"Ask for {limit} or fewer, or leave max_tokens out.",
        )
    return sampling.max_tokens


def most_cost(offer: Offer, order: Order) -> Money:
    """What is held while the job runs. Embeddings read each text up to the context; chats share one context."""
    contexts = max(1, len(order.texts))
    prompt = min(prompt_bound(order), contexts * offer.model.context_tokens)
    return offer.price.cost(Usage(prompt, most_tokens(offer, order.sampling)))
