"""A benchmark in the window's words."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from desktop.control.snapshot import MeasuredPart, Measurement
from desktop.domain.benchmark import Change, Unit
from desktop.ui.language import Sentences
from desktop.ui.pages.benchmark_panel import benchmark_words, part_row
from desktop.ui.wording import numbered

pytestmark = pytest.mark.usefixtures("app")
PART = MeasuredPart(name="p", unit=Unit.TOKENS, median=19_400, low=18_500, high=19_900, blocks=10)


def test_a_part_is_told_with_its_interval_and_against_the_run_before() -> None:
    assert part_row(PART).cells == ("p", "19.4 tokens/s", "18.5 to 19.9", "")
    compared = MeasuredPart(
        name="p", unit=Unit.FLOPS, median=192 * 10**9, low=188 * 10**9, high=193 * 10**9, change=Change.MORE
    )
    assert part_row(compared).cells == ("p", "192 GFLOP/s", "188 to 193", "more than before")
    unsteady = MeasuredPart(name="p", unit=Unit.TIME, median=4_000, low=3_900, high=4_500, unsteady=True)
    assert part_row(unsteady).cells == ("p", "4.00 µs", "3.90 to 4.50", "unsteady")


def test_what_was_not_measured_says_why() -> None:
    row = part_row(MeasuredPart(name="p", unit=Unit.BYTES, note="There is no time."))
    assert row.cells == ("p", "—", "—", "There is no time.")


def test_what_differs_in_numbers_only_is_one_sentence_for_translators(app: QApplication) -> None:
    german = Sentences({"write, {0} at once": "schreiben, {0} zugleich", "multiply float32 ({0})": "mal ({0})"}, app)
    app.installTranslator(german)
    try:
        assert numbered("write, 8 at once") == "schreiben, 8 zugleich"
        assert numbered("multiply float32 (1024)") == "mal (1024)"
        assert numbered("It failed: {odd} 7 {") == "It failed: {odd} 7 {"
    finally:
        app.removeTranslator(german)


def test_a_run_is_told_while_it_lasts_and_when_it_ended() -> None:
    assert "a minute" in benchmark_words(None)
    assert benchmark_words(Measurement(running=True, share_done=0.1, phase="Moving memory")) == "Moving memory…"
    assert (
        benchmark_words(Measurement(running=False, share_done=0.0, detail="The worker ended.")) == "The worker ended."
    )
    done = Measurement(
        running=False, share_done=1.0, tokens_per_s=19.4, low=18.5, high=19.9, settled=False, notes=("It was busy.",)
    )
    assert benchmark_words(done) == (
        "19.4 tokens/s for one answer, between 18.5 and 19.9. The device never became steady. It was busy."
    )
    assert "could not be measured" in benchmark_words(Measurement(running=False, share_done=1.0))
