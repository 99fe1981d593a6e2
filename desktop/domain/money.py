"""Money: whole millisats inside, whole sats where ecash changes hands."""

from __future__ import annotations

from dataclasses import dataclass

MSAT_PER_SAT = 1000


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """An exact amount in millisats; may be negative where it is a difference."""

    msat: int = 0

    @classmethod
    def from_sat(cls, sat: int) -> Money:
        """The amount of that many whole sats."""
        return cls(sat * MSAT_PER_SAT)

    @property
    def whole_sat(self) -> int:
        """Whole sats contained, rounded towards minus infinity."""
        return self.msat // MSAT_PER_SAT

    @property
    def ceil_sat(self) -> int:
        """The least number of whole sats that covers this amount."""
        return -(-self.msat // MSAT_PER_SAT)

    def __add__(self, other: Money) -> Money:
        return Money(self.msat + other.msat)

    def __sub__(self, other: Money) -> Money:
        return Money(self.msat - other.msat)

    def __neg__(self) -> Money:
        return Money(-self.msat)

    def __bool__(self) -> bool:
        return self.msat != 0

    def __str__(self) -> str:
        if self.msat % MSAT_PER_SAT == 0:
            return f"{self.msat // MSAT_PER_SAT:,} sat"
        return f"{self.msat / MSAT_PER_SAT:,.3f} sat"
