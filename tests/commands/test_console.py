import io
import json

from desktop.commands.console import UNKNOWN, Console, clock, sats, share
from desktop.domain.errors import Unavailable
from desktop.domain.money import Money


def console(*, as_json: bool = False) -> tuple[Console, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Console(as_json=as_json, out=out, err=err), out, err


def test_a_person_reads_tables_with_numbers_to_the_right() -> None:
    told, out, _ = console()
    told.table(("model", "sat"), [("a", "1,234"), ("longer", UNKNOWN)])
    assert out.getvalue().splitlines() == ["  model     sat", "  a       1,234", "  longer      —"]


def test_a_program_reads_json_and_nothing_else_on_standard_output() -> None:
    told, out, err = console(as_json=True)
    told.say("for people")
    told.table(("a",), [("b",)])
    told.document({"earned": 1})
    told.note("advice")
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [{"earned": 1}]
    assert err.getvalue() == "advice\n"


def test_a_failure_says_what_why_and_what_now() -> None:
    error = Unavailable("It does not work.", why="It is off.", now="Switch it on.")
    told, out, err = console()
    told.failure(error)
    assert out.getvalue() == ""
    assert err.getvalue().splitlines() == ["hearth: It does not work.", "  It is off.", "  Switch it on."]
    told, _, err = console(as_json=True)
    told.failure(error)
    assert json.loads(err.getvalue())["error"] == {
        "what": "It does not work.",
        "why": "It is off.",
        "now": "Switch it on.",
    }


def test_amounts_times_and_shares_are_written_for_people() -> None:
    assert sats(Money.from_sat(1234)) == "1,234"
    assert sats(Money(1500)) == "1.500"
    assert clock(None) == UNKNOWN
    assert share(0.9876) == "98.8 %"
