"""What this computer could bring a day: a range with its sources, marked as an estimate; what is missing is said."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from desktop.control.answers import AmountRange, FigureSheet, OutlookAnswer, OutlookSheet, Refusal, Result
from desktop.control.messages import ReadOutlook
from desktop.ui import formats, wording
from desktop.ui.language import tr
from desktop.ui.pages.page import House
from desktop.ui.parts.label import label
from desktop.ui.parts.panel import Panel


class OutlookPanel(Panel):
    """Asks the node, which asks the relays, when `ask` is called or the button is pressed; takes seconds."""

    def __init__(self, house: House) -> None:
        again = QPushButton(tr("Look again"))
        again.setObjectName("link")
        super().__init__(tr("What it could bring"), again)
        again.clicked.connect(self.ask)
        self._house = house
        self._words = label("", "hint", wrap=True)
        holder = QWidget()
        self._list = QVBoxLayout(holder)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(4)
        self.body.addWidget(self._words)
        self.body.addWidget(holder)

    def ask(self) -> None:
        """Look now."""
        self._words.setText(tr("Asking the relays what others charge…"))
        self._words.show()
        self._house.door.ask(lambda number: ReadOutlook(id=number), self._show, self._refuse)

    def _refuse(self, refusal: Refusal) -> None:
        self._words.setText(wording.refusal_words(refusal))

    def _show(self, answer: Result) -> None:
        if not isinstance(answer, OutlookAnswer):
            return
        while (item := self._list.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        snapshot = self._house.door.snapshot
        names = {} if snapshot is None else {model.id: model.name for model in snapshot.models}
        for sheet in answer.models:
            self._list.addWidget(label(names.get(sheet.model_id, sheet.model_id), "strong", wrap=True))
            self._list.addWidget(label("\n".join(outlook_lines(sheet)), wrap=True))
            if sources := source_lines(sheet, answer):
                self._list.addWidget(label("\n".join(sources), "hint", wrap=True))
        self._words.setText(tr("No model is for sale, so nothing can be said."))
        self._words.setVisible(not answer.models)


def outlook_lines(sheet: OutlookSheet) -> list[str]:
    """The range of a day, or that it is not known."""
    if sheet.gross is None:
        return [tr("A day could bring: not known.")]
    lines = [tr("A day could bring ≈ {range}, before electricity.").format(range=_range(sheet.gross))]
    if sheet.cost is not None:
        lines.append(tr("Electricity would take ≈ {range}.").format(range=_range(sheet.cost)))
    if sheet.net is not None:
        lines.append(tr("≈ {range} a day would be left.").format(range=_range(sheet.net)))
    return lines


def source_lines(sheet: OutlookSheet, answer: OutlookAnswer) -> list[str]:
    """What the range rests on, and what is missing for a better one."""
    lines = []
    if sheet.asked_msat is not None:
        low, middle, high = (formats.money(round(each)) for each in sheet.asked_msat)
        lines.append(
            tr(
                "Others ask {low} to {high}, the middle one {middle}, to read {prompt} tokens and write {answer}:"
                " {offers} offers by {providers} providers on {relays}, {newest} to {oldest} old."
            ).format(
                low=low,
                middle=middle,
                high=high,
                prompt=formats.number(answer.typical_prompt_tokens),
                answer=formats.number(answer.typical_completion_tokens),
                offers=formats.number(sheet.offers),
                providers=formats.number(sheet.providers),
                relays=", ".join(sheet.relays),
                newest=formats.span(sheet.newest_ms),
                oldest=formats.span(sheet.oldest_ms),
            )
        )
        if not sheet.same_model:
            lines.append(tr("Nobody offers this model; these are offers of others of its kind."))
    for sentence, figure, factor, decimals in (
        (tr("Busy ≈ {value} % of the day ({source})."), sheet.busy_share, 100.0, 1),
        (tr("Speed ≈ {value} tokens/s ({source})."), sheet.tokens_per_s, 1.0, 1),
        (tr("Energy ≈ {value} J a token ({source})."), sheet.joules_per_token, 1.0, 2),
    ):
        if figure is not None:
            source = wording.told(figure.source.text, figure.source.values)
            lines.append(sentence.format(value=_figure(figure, factor, decimals), source=source))
    return [*lines, *(f"→ {wording.told(each.text, each.values)}" for each in sheet.missing)]


def _range(amounts: AmountRange) -> str:
    low, high = formats.money(amounts.low_msat), formats.money(amounts.high_msat)
    return low if low == high else tr("{low} to {high}").format(low=low, high=high)


def _figure(figure: FigureSheet, factor: float, decimals: int) -> str:
    low, high = (formats.number(end * factor, decimals) for end in (figure.low, figure.high))
    return low if low == high else tr("{low} to {high}").format(low=low, high=high)
