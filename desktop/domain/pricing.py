"""What a job costs: exact integer arithmetic, rounded up once, never per token."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.domain.money import Money

TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and tokens written."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Price:
    """Millisats per million tokens, and a fixed fee per request in millisats.

    Per million, because a token of a small model is worth less than one millisat.
    """

    prompt_msat_per_million: int
    completion_msat_per_million: int
    request_msat: int = 0

    def cost(self, usage: Usage) -> Money:
        """The charge for that usage, rounded up to the next whole millisat."""
        exact = (
            usage.prompt_tokens * self.prompt_msat_per_million
            + usage.completion_tokens * self.completion_msat_per_million
        )
        return Money(-(-exact // TOKENS_PER_PRICE) + self.request_msat)
