"""What runs here, and what never leaves this computer."""

from __future__ import annotations

from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.label import label
from desktop.ui.wizard.step import Step


class WelcomeStep(Step):
    """Says it before anything is joined."""

    def __init__(self, house: House) -> None:  # noqa: ARG002 - every step is built alike
        super().__init__(tr("Let this computer earn while you do something else"))
        self.next_words = tr("Let's begin")
        self.column.setSpacing(4)
        for head, words in (
            (
                tr("What runs"),
                tr(
                    "An AI model answers requests of people on an open network. It runs in a sandbox: no network, no"
                    " files of yours, no keys."
                ),
            ),
            (
                tr("What you get"),
                tr(
                    "Buyers pay with ecash, in sats, into a wallet on this computer. There is no account and no"
                    " company in between."
                ),
            ),
            (
                tr("What never leaves this computer"),
                tr("Your keys, your recovery phrase and your files. Hearth sends no statistics to anyone."),
            ),
            (
                tr("What you should know"),
                tr(
                    "Whoever owns a computer could look into what runs on it. Hearth itself neither writes down nor"
                    " logs what buyers ask."
                ),
            ),
        ):
            self.column.addWidget(label(head, "section"))
            self.column.addWidget(label(words, wrap=True))
            self.column.addSpacing(12)
        self.column.addStretch(1)
