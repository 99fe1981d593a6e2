"""The network of the demo: two relays, a mint, a node in its own process, a buyer with a purse of its own."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from desktop.commands.console import Console
from desktop.commands.demo.node_process import NodeProcess
from desktop.compose import Composition
from desktop.config.settings import Settings
from desktop.domain.errors import PaymentRequired
from desktop.domain.pricing import Price
from desktop.gateway.buyer import Buyer
from desktop.machine.paths import Paths
from desktop.machine.payload import Payload
from desktop.machine.settings_file import save_settings
from desktop.network.local.mint import LocalMint, ensure_environment
from desktop.network.local.relay import LocalRelay
from desktop.resources import checkout
from desktop.wallet.wallet import Wallet

# High for so small a model, so that whole sats move and change has to be given.
PRICE: Final = Price(prompt_msat_per_million=10_000_000, completion_msat_per_million=50_000_000, request_msat=1000)
SLOTS: Final = 8


class Stage:
    """Everything that runs while the demo plays; set up on entry, torn down on exit, whatever happened.

    `models` are those the node offers, all that are bundled if none is named; `node_errors` is the file for what the
    node writes to standard error, `node_environment` what it runs in, ours if there is none. `give_way`: the work comes
    after every other program, as on an owner's computer; here whoever watches came for it.
    """

    def __init__(
        self,
        folder: Path,
        console: Console,
        *,
        models: Sequence[str] = (),
        node_errors: Path | None = None,
        node_environment: Mapping[str, str] | None = None,
        give_way: bool = False,
    ) -> None:
        self._give_way = give_way
        self._folder = folder
        self._console = console
        self._models = tuple(models)
        self._node_errors = node_errors
        self._node_environment = node_environment
        self._stack = AsyncExitStack()
        self._start_s = time.monotonic()
        self.relays: tuple[LocalRelay, ...] = ()
        self.mint: LocalMint
        self.mint_url = ""
        self.node: NodeProcess
        self.node_home: Composition
        self.buyer_home: Composition
        self.wallet: Wallet
        self.buyer: Buyer

    async def __aenter__(self) -> Self:
        try:
            await self._set_up()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def tell(self, sentence: str) -> None:
        """A step of the set-up, with the time."""
        self._console.say(f"  {time.monotonic() - self._start_s:5.1f} s  {sentence}")

    async def fund(self, amount_sat: int) -> None:
        """Give the buyer sats, over an invoice that the mint's pretended Lightning pays by itself."""

        def fund() -> None:
            quote = self.wallet.mint_quote(amount_sat, self.mint_url)
            deadline = time.monotonic() + 60
            while True:
                try:
                    self.wallet.mint_tokens(quote)
                except PaymentRequired:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)
                else:
                    return

        await asyncio.to_thread(fund)
        self.tell(f"The buyer's wallet holds {amount_sat:,} sat.")

    async def _set_up(self) -> None:
        console = self._console
        console.say("Setting up a network on this computer only.")
        environment = (checkout() or self._folder) / ".venv-mint"
        payload = Payload.installed(os.environ)
        await asyncio.to_thread(ensure_environment, environment, self.tell, uv=payload.uv if payload else None)
        self.relays = (LocalRelay(), LocalRelay())
        for relay in self.relays:
            await self._stack.enter_async_context(relay)
        self.mint = await self._stack.enter_async_context(LocalMint(environment, self._folder / "mint"))
        self.mint_url = self.mint.url
        self.tell(f"Two relays and a mint run: {', '.join(relay.url for relay in self.relays)}, {self.mint_url}.")
        self.node_home = self.home("node", node_name="The demo's node")
        self.buyer_home = self.home("buyer")
        await asyncio.to_thread(self.node_home.identity)
        self.node = await self._stack.enter_async_context(
            NodeProcess(self._folder / "node", self.tell, errors=self._node_errors, environment=self._node_environment)
        )
        identity, _ = await asyncio.to_thread(self.buyer_home.identity)
        self.wallet = self._stack.enter_context(self.buyer_home.wallet(identity))
        self.buyer = await self._stack.enter_async_context(self.buyer_home.buyer(self.wallet))
        await self.node.wait_enrolled()

    def home(self, name: str, node_name: str = "") -> Composition:
        """Another Hearth on this network, with settings as everyone's here and nothing else yet.

        It works whether or not somebody is at the computer: whoever watches the play is.
        """
        paths = Paths.below(self._folder / name)
        paths.create()
        settings = Settings(
            node_name=node_name,
            models=self._models,
            relays=tuple(relay.url for relay in self.relays),
            mints=(self.mint_url,),
            wire="disabled",
            default_price=PRICE,
            slots=SLOTS,
            schedule="always",
            # Here the work is what the owner wants: beside a busy one it would take minutes to answer.
            give_way=self._give_way,
            # Over before a spare worker would be of use, and its imports would compete with the play.
            spare_worker=False,
        )
        save_settings(paths.config, settings)
        # Play money: the owner's keyring has no business with it.
        return Composition(paths, settings, use_keyring=False)
