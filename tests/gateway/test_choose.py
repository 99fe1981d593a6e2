from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.model import ModelKind
from desktop.domain.money import Money
from desktop.domain.pricing import Price, Usage
from desktop.gateway.choose import CHANGE_SAT, Wish, choices, least_cost
from desktop.network.directory.announcement import Announcement, Listing, Provider

A, B = "https://a.example.com", "https://b.example.com"


def listing(name: str = "m", price: int = 1000, *, kind: ModelKind = ModelKind.CHAT, longest: int = 100) -> Listing:
    return Listing(name, name, kind, 1000, longest, Price(price, price))


def provider(key: str, *models: Listing, mints: tuple[str, ...] = (A,)) -> Provider:
    return Provider(key, "", 0, 1, Announcement("d", ("iroh://x",), mints, "1", models=models))


def test_the_cheapest_that_can_be_paid_comes_first() -> None:
    dear, cheap = provider("1", listing(price=9_000_000)), provider("2", listing(price=5_000_000))
    elsewhere, junk = provider("3", listing(price=1), mints=(B,)), provider("4", listing(price=1), mints=("nonsense",))
    wish = Wish(ModelKind.CHAT, "m", 100, max_tokens=10)
    found = choices(wish, [dear, cheap, elsewhere, junk], {A: 1000, B: 0})
    assert [choice.provider.public_key for choice in found] == ["2", "1"]
    assert found[0].amount_sat == 1 + CHANGE_SAT
    assert found[0].most == Price(5_000_000, 5_000_000).cost(Usage(100, 10))


def test_a_mint_is_recognised_however_it_is_spelled_and_the_fuller_purse_pays() -> None:
    offer = provider("1", listing(), mints=("https://A.example.com:443/", B))
    wish = Wish(ModelKind.CHAT, "", 100)
    assert choices(wish, [offer], {A: 10, B: 20})[0].mint == B
    assert choices(wish, [offer], {A: 30, B: 20})[0].mint == A
    assert choices(wish, [offer], {"https://c.example.com": 10}) == []


def test_what_cannot_be_fulfilled_is_not_chosen() -> None:
    chat = provider("1", listing(longest=100))
    for wish in (
        Wish(ModelKind.CHAT, "other", 10),
        Wish(ModelKind.EMBEDDING, "m", 10),
        Wish(ModelKind.CHAT, "m", 10, max_tokens=101),
        Wish(ModelKind.CHAT, "m", 10, provider="2"),
    ):
        assert choices(wish, [chat], {A: 100}) == []
        assert least_cost(wish, [chat]) is None
    limited = Wish(ModelKind.CHAT, "m", 10**6, max_tokens=100, most=Money(1))
    assert choices(limited, [provider("1", listing(price=10**6))], {A: 10**6}) == []
    assert least_cost(limited, [provider("1", listing(price=10**6))]) == Money(1100)


def test_embeddings_have_no_answer_and_a_context_for_each_text() -> None:
    offer = provider("1", listing(kind=ModelKind.EMBEDDING, longest=0))
    (choice,) = choices(Wish(ModelKind.EMBEDDING, "", 10**6, contexts=3), [offer], {A: 10})
    assert choice.most_usage == Usage(3000, 0)


prices = st.builds(Price, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6))


@given(
    st.lists(st.tuples(prices, st.integers(1, 10**5), st.integers(1, 10**5)), max_size=6),
    st.integers(0, 10**6),
    st.none() | st.integers(1, 10**5),
    st.integers(0, 10**6),
)
def test_nothing_chosen_can_cost_more_than_is_sent(
    offers: list[tuple[Price, int, int]], bound: int, max_tokens: int | None, funds: int
) -> None:
    market = [
        provider(str(i), Listing("m", "m", ModelKind.CHAT, context, longest, price))
        for i, (price, context, longest) in enumerate(offers)
    ]
    found = choices(Wish(ModelKind.CHAT, "m", bound, max_tokens=max_tokens), market, {A: funds})
    assert [choice.most for choice in found] == sorted(choice.most for choice in found)
    for choice in found:
        assert choice.amount_sat <= funds
        honest = Usage(min(bound, choice.listing.context_tokens), choice.most_usage.completion_tokens)
        assert choice.listing.price.cost(honest) <= Money.from_sat(choice.amount_sat)
