"""The settings: their names, meanings, rules and defaults, each declared once and read from here by everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, get_args, get_type_hints

from desktop.config.addresses import Addresses, OneAddress
from desktop.config.limits import DeviceLimits, LimitsByDevice
from desktop.config.prices import ModelPrice, ModelPrices, OnePrice
from desktop.config.rules import Address, ModelId, ModelIds, OneOf, Rule, Switch, Text, Whole
from desktop.config.tariffs import Amount, Bands, Currency, micro
from desktop.config.week import DeviceIds, Week
from desktop.domain.errors import SettingsError
from desktop.domain.limits import PRESETS, Limits, Preset
from desktop.domain.pricing import Price
from desktop.domain.tariff import Band, ExchangeRate, Tariff, TariffError, tariff_of

# Public relays of independent operators, so that no single one can keep a provider from being found.
DEFAULT_RELAYS: Final = (
    "wss://relay.damus.io",
    "wss://nos.lol",
    "wss://relay.primal.net",
    "wss://relay.routstr.com",
    "wss://offchain.pub",
)
# Public mints that providers of the same network accept. A mint holds the sats behind its ecash: whom to trust is the
# owner's choice, and this list is where to make it.
DEFAULT_MINTS: Final = (
    "https://mint.minibits.cash/Bitcoin",
    "https://mint.coinos.io",
    "https://mint.cubabitcoin.org",
)

# Small change, for small models; what a card's work is worth is its owner's to say.
DEFAULT_PRICE: Final = Price(prompt_msat_per_million=50_000, completion_msat_per_million=200_000, request_msat=100)

WireMode = Literal["default", "disabled", "listed"]
PresetWord = Literal["quiet", "balanced", "full"]
PriceRule = Literal["fixed", "floor", "demand"]
Automatic = Literal["off", "tell", "install"]
SandboxPolicy = Literal["strongest", "require-namespaces"]
_BEATS_BEFORE_EXPIRY: Final = 2


@dataclass(frozen=True, slots=True)
class About:
    """What is said about a setting where it is declared."""

    group: str
    sentence: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Declaration:
    """One setting, for whoever shows, reads or writes it."""

    name: str
    default: object
    group: str
    sentence: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, always valid: whatever makes one, a wrong value is refused (SettingsError names every one)."""

    node_name: Annotated[str, About("node", "The name buyers see; empty for none.", Text(60))] = ""
    node_about: Annotated[str, About("node", "A sentence about this node for buyers.", Text(280))] = ""

    models: Annotated[
        tuple[str, ...],
        About("work", "The models to offer; empty for every bundled model.", ModelIds()),
    ] = ()
    slots: Annotated[int, About("work", "How many requests are answered at the same time.", Whole(1, 64))] = 8
    queue_length: Annotated[
        int, About("work", "How many requests may wait before others are told to come back.", Whole(0, 1000))
    ] = 16
    cpu_threads: Annotated[
        int, About("work", "Processor threads for the work; 0 for every physical core but one.", Whole(0, 1024))
    ] = 0
    give_way: Annotated[
        bool, About("work", "Every other program of this computer comes before the work.", Switch())
    ] = True
    worker_memory_mib: Annotated[
        int, About("work", "The most main memory the worker may take, in MiB.", Whole(1024, 1 << 20))
    ] = 8192
    sandbox: Annotated[
        SandboxPolicy,
        About(
            "work",
            "Work in the strongest sandbox this computer allows, or only in one with namespaces.",
            OneOf(get_args(SandboxPolicy)),
        ),
    ] = "strongest"

    schedule: Annotated[
        str,
        About(
            "computer", "When work is allowed: never, while you are away, or always; by the hour if you like.", Week()
        ),
    ] = "away"
    idle_after_s: Annotated[
        int, About("computer", "After how many seconds without a key or a click you count as away.", Whole(1, 86_400))
    ] = 300
    calm_s: Annotated[
        int,
        About("computer", "For how many seconds what stopped the work must be over before it goes on.", Whole(0, 3600)),
    ] = 60
    grace_s: Annotated[
        int,
        About(
            "computer",
            "For how many seconds a running request may go on when you need the computer; 0 ends it at once.",
            Whole(0, 600),
        ),
    ] = 0
    work_on_battery: Annotated[bool, About("computer", "Work also on battery.", Switch())] = False
    work_on_metered: Annotated[bool, About("computer", "Work also on a metered network.", Switch())] = False
    pause_for_fullscreen: Annotated[
        bool, About("computer", "Stop while a program fills the screen: a game, a film, a talk.", Switch())
    ] = True
    other_load_percent: Annotated[
        int,
        About(
            "computer", "How much of a graphics card other programs may use before it stops for them.", Whole(1, 100)
        ),
    ] = 15
    most_watts: Annotated[
        int, About("computer", "A device that draws more watts than this stops; 0 for no limit.", Whole(0, 5000))
    ] = 0
    preset: Annotated[
        PresetWord,
        About("computer", "How hard a device may work: its heat, power and pace.", OneOf(get_args(PresetWord))),
    ] = "balanced"
    limits: Annotated[
        tuple[DeviceLimits, ...], About("computer", "Limits of single devices, over the preset's.", LimitsByDevice())
    ] = ()
    disabled_devices: Annotated[
        tuple[str, ...], About("computer", "Devices that never work, by their ids.", DeviceIds())
    ] = ()
    spare_worker: Annotated[
        bool,
        About(
            "computer",
            "Keep a second worker ready without a model: work goes on sooner after a stop, for some memory.",
            Switch(),
        ),
    ] = True

    default_price: Annotated[Price, About("money", "The price of a model that has none of its own.", OnePrice())] = (
        DEFAULT_PRICE
    )
    prices: Annotated[tuple[ModelPrice, ...], About("money", "Prices of single models.", ModelPrices())] = ()
    mints: Annotated[
        tuple[str, ...],
        About("money", "The mints whose ecash is accepted; any other is refused.", Addresses(("https", "http"))),
    ] = DEFAULT_MINTS
    price_rule: Annotated[
        PriceRule,
        About(
            "money",
            "Ask exactly your price, raise it where electricity would cost more, or also let it fall when nobody asks "
            "and rise when many do.",
            OneOf(get_args(PriceRule)),
        ),
    ] = "floor"
    price_ceiling_percent: Annotated[
        int, About("money", "The most a price may rise to, in percent of yours.", Whole(100, 10_000))
    ] = 200
    least_profit_percent: Annotated[
        int,
        About(
            "money", "Stop working when less than this is left of a sale after electricity, in percent.", Whole(0, 99)
        ),
    ] = 0
    currency: Annotated[str, About("money", "The currency you pay electricity in.", Currency())] = ""
    electricity_price: Annotated[
        str,
        About("money", "What a kWh costs in your currency; empty if you do not know.", Amount(10_000)),
    ] = ""
    electricity_hours: Annotated[
        tuple[Band, ...],
        About("money", "Hours of the week in which a kWh costs something else.", Bands()),
    ] = ()
    sat_per_currency: Annotated[
        str,
        About(
            "money",
            "How many sats one unit of your currency is worth; empty to ask exchange_source, or to leave it unknown.",
            Amount(1_000_000_000),
        ),
    ] = ""
    exchange_source: Annotated[
        str,
        About(
            "money",
            "A web address that tells the price of one bitcoin as JSON, is asked once an hour and learns your network "
            "address; empty for none.",
            OneAddress(("https", "http")),
        ),
    ] = ""
    exchange_field: Annotated[
        str,
        About(
            "money",
            "Where in that answer the price stands: names joined by dots; empty for the currency's name.",
            Text(100),
        ),
    ] = ""

    relays: Annotated[
        tuple[str, ...],
        About("network", "The Nostr relays this node is announced on.", Addresses(("wss", "ws"))),
    ] = DEFAULT_RELAYS
    announcement_refresh_s: Annotated[
        int, About("network", "How often the announcement is renewed, in seconds.", Whole(5, 3600))
    ] = 60
    announcement_expiry_s: Annotated[
        int,
        About(
            "network",
            "How long an announcement lives without renewal, in seconds; at least two renewals.",
            Whole(10, 86_400),
        ),
    ] = 240
    announce_addresses: Annotated[
        bool, About("network", "Whether the announcement tells this computer's network addresses.", Switch())
    ] = False
    wire: Annotated[
        WireMode,
        About(
            "network",
            "How the node is reached by its public key: over the public iroh relays, on this computer only, or over "
            "the relays listed in wire_relays.",
            OneOf(get_args(WireMode)),
        ),
    ] = "default"
    wire_relays: Annotated[
        tuple[str, ...], About("network", "The iroh relays to use when wire is listed.", Addresses(("https", "http")))
    ] = ()

    http_host: Annotated[str, About("http", "The address the HTTP server listens on.", Address())] = "127.0.0.1"
    http_port: Annotated[int, About("http", "Its port; 0 for any that is free.", Whole(0, 65_535))] = 0
    body_limit_bytes: Annotated[
        int, About("http", "The largest request that is read, in bytes.", Whole(4096, 64 << 20))
    ] = 512 << 10
    key_rate_per_s: Annotated[int, About("http", "Requests per second for one session key.", Whole(1, 10_000))] = 20
    address_rate_per_s: Annotated[int, About("http", "Requests per second for one address.", Whole(1, 10_000))] = 40

    model_source: Annotated[
        str,
        About(
            "downloads", "The hub that models are downloaded from, or a mirror of it.", OneAddress(("https", "http"))
        ),
    ] = "https://huggingface.co"
    models_folder: Annotated[
        str, About("downloads", "The folder for models, on the disk you choose; empty for the usual one.", Text(1000))
    ] = ""
    models_limit_gib: Annotated[
        int, About("downloads", "The most that downloaded models may take, in GiB; 0 for no limit.", Whole(0, 100_000))
    ] = 0
    torch_source: Annotated[
        str,
        About(
            "downloads",
            "A package index to take torch from, with {build} in place of the build's name; empty for the usual ones.",
            OneAddress(("https", "http")),
        ),
    ] = ""

    update_automatic: Annotated[
        Automatic,
        About(
            "updates",
            "Look for a new version only when you ask, look once a day and tell you, or also install it.",
            OneOf(get_args(Automatic)),
        ),
    ] = "tell"
    update_sources: Annotated[
        tuple[str, ...],
        About(
            "updates",
            "Web addresses that tell of new versions, beside the relays; the publisher's signature decides, not they.",
            Addresses(("https", "http")),
        ),
    ] = ()

    ask_model: Annotated[str, About("ask", "The model to ask if none is named; empty for the cheapest.", ModelId())] = (
        ""
    )
    ask_max_sat: Annotated[int, About("ask", "The most one question may cost, in sats.", Whole(1, 1_000_000))] = 100

    def __post_init__(self) -> None:
        problems: list[str] = []
        for declaration in declarations():
            name, rule = declaration.name, declaration.rule
            try:
                # Frozen for everyone else: this is where a value gets its usual form.
                object.__setattr__(self, name, rule.check(getattr(self, name)))
            except ValueError:
                problems.append(f"{name} must be {rule.allowed}.")
        if not problems:
            problems.extend(self._contradictions())
        if problems:
            raise SettingsError(
                "Some settings cannot be used.", why=" ".join(problems), now="Correct them and start again."
            )

    def price_of(self, model: str) -> Price:
        """The price of a model: its own, else the default."""
        return next((item.price for item in self.prices if item.model == model), self.default_price)

    def limits_of(self, device: str) -> Limits:
        """What a device may do: its own limits, where it has none the preset's."""
        preset = PRESETS[Preset(self.preset)]
        return next((each.over(preset) for each in self.limits if each.device == device), preset)

    @property
    def tariff(self) -> Tariff | None:
        """What electricity costs at each hour; None if the owner did not say."""
        return tariff_of(self.electricity_hours, micro(self.electricity_price), self.currency)

    @property
    def declared_rate(self) -> ExchangeRate | None:
        """What the owner says a unit of the currency is worth; None if that is left open."""
        return ExchangeRate(Fraction(self.sat_per_currency), "settings") if self.sat_per_currency else None

    def threads(self, physical_cores: int | None) -> int:
        """How many processor threads the work gets on a computer with that many cores (None: unknown)."""
        # One core stays with the owner's programs and with the node, which hands out the tokens.
        return self.cpu_threads or max(1, (physical_cores or 1) - 1)

    def _contradictions(self) -> Iterator[str]:
        if self.announcement_expiry_s < _BEATS_BEFORE_EXPIRY * self.announcement_refresh_s:
            yield "announcement_expiry_s must be at least twice announcement_refresh_s."
        if self.wire == "listed" and not self.wire_relays:
            yield "wire_relays must list a relay when wire is listed."
        try:
            tariff_of(self.electricity_hours, micro(self.electricity_price))
        except TariffError as error:
            yield str(error)
        if self.exchange_source and not self.sat_per_currency and not (self.currency or self.exchange_field):
            yield "currency or exchange_field must say which price of exchange_source to take."


def from_values(values: Mapping[str, object]) -> Settings:
    """The defaults with some values changed. Raises SettingsError for an unknown name or a wrong value."""
    known = {declaration.name for declaration in declarations()}
    if unknown := sorted(values.keys() - known):
        raise SettingsError(f"There is no setting called {', '.join(unknown)}.")
    changes: dict[str, Any] = dict(values)  # of any type until the rules, which run at once, have seen them
    return replace(Settings(), **changes)


def declarations() -> tuple[Declaration, ...]:
    """Every setting in the order it is shown."""
    hints = get_type_hints(Settings, include_extras=True)
    return tuple(_declaration(field.name, field.default, hints[field.name]) for field in fields(Settings))


def _declaration(name: str, default: object, hint: object) -> Declaration:
    about = next(item for item in get_args(hint) if isinstance(item, About))
    return Declaration(name, default, about.group, about.sentence, about.rule)
