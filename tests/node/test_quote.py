import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import ContextOverflow
from desktop.domain.inference import Message, Sampling
from desktop.domain.job import JobKind
from desktop.domain.model import Model, ModelKind, Offer
from desktop.domain.pricing import Price, Usage
from desktop.network.api.desk import Order
from desktop.node.quote import most_cost, most_tokens, prompt_bound


def offer(context: int = 2048, output: int = 1024) -> Offer:
    model = Model("tiny", "Tiny", ModelKind.CHAT, 1000, context, output, "float32", "Apache-2.0", "00")
    return Offer(model, Price(10_000_000, 50_000_000, 1000))


def chat(text: str, max_tokens: int | None) -> Order:
    return Order(JobKind.CHAT, "tiny", sampling=Sampling(max_tokens=max_tokens), messages=(Message("user", text),))


@given(st.text(max_size=3000), st.integers(1, 1024), st.integers(0, 1), st.integers(0, 1))
def test_no_usage_within_the_bounds_costs_more_than_was_held(
    text: str, max_tokens: int, less_prompt: int, less_answer: int
) -> None:
    order = chat(text, max_tokens)
    held = most_cost(offer(), order)
    usage = Usage(min(prompt_bound(order), 2048) - less_prompt, max_tokens - less_answer)
    assert offer().price.cost(usage) <= held


@given(st.text(max_size=5000))
def test_no_request_is_held_for_more_than_the_advertised_maximum(text: str) -> None:
    assert most_cost(offer(), chat(text, None)) <= offer().max_cost


def test_asking_for_a_longer_answer_than_the_model_writes_is_refused_by_name() -> None:
    with pytest.raises(ContextOverflow) as refused:
        most_tokens(offer(), Sampling(max_tokens=5000))
    assert refused.value.parameter == "max_tokens"


def test_embeddings_are_bounded_by_one_context_per_text() -> None:
    order = Order(JobKind.EMBEDDING, "tiny", texts=("a" * 100_000, "b" * 100_000))
    assert most_cost(offer(), order) == offer().price.cost(Usage(2 * 2048, 0))
