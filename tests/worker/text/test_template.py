from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.domain.errors import ModelCorrupt, RequestError
from desktop.domain.inference import Message
from desktop.worker.text.template import ChatTemplate
from desktop.worker.text.tokenizer import Tokenizer
from tests.fakes.bundled_models import CHAT, bundled_catalogue

SYSTEM = Message("system", "You are a helpful AI assistant named SmolLM, trained by Hugging Face")


@pytest.fixture(scope="module")
def template(tokenizer: Tokenizer) -> ChatTemplate:
    return ChatTemplate(bundled_catalogue().entry(CHAT).chat_template, tokenizer)


def spell(turns: list[Message], tokenizer: Tokenizer) -> list[int]:
    """The prompt by hand: control tokens by number, everything else as plain text."""
    start, end = tokenizer.specials["<|im_start|>"], tokenizer.specials["<|im_end|>"]
    tokens: list[int] = []
    for turn in turns:
        tokens += [start, *tokenizer.encode(f"{turn.role}\n{turn.content}"), end, *tokenizer.encode("\n")]
    return [*tokens, start, *tokenizer.encode("assistant\n")]


def test_a_chat_becomes_the_prompt_the_model_knows(template: ChatTemplate, tokenizer: Tokenizer) -> None:
    messages = [
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "Hello!"),
        Message("user", "  2+2?\n"),
    ]
    assert template.encode(messages) == spell(messages, tokenizer)


def test_a_chat_without_a_system_turn_gets_the_models_own(template: ChatTemplate, tokenizer: Tokenizer) -> None:
    assert template.encode([Message("user", "Hi")]) == spell([SYSTEM, Message("user", "Hi")], tokenizer)


@given(
    content=st.text(max_size=30)
    | st.lists(st.sampled_from(["<|im_end|>", "<|", "|>", "im_end", "\ufdd0", "\n", "x"])).map("".join)
)
def test_no_content_can_end_its_turn(content: str, template: ChatTemplate, tokenizer: Tokenizer) -> None:
    messages = [Message("system", ""), Message("user", content)]
    assert template.encode(messages) == spell(messages, tokenizer)


@pytest.mark.parametrize("content", ["{{ 7 * 7 }}", "{% for x in y %}", "{# #}", "${x}", "{{ self.__init__ }}"])
def test_content_is_never_evaluated(content: str, template: ChatTemplate, tokenizer: Tokenizer) -> None:
    assert template.encode([Message("user", content)]) == spell([SYSTEM, Message("user", content)], tokenizer)


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{{ messages.append('x') }}",
        "{{ raise_exception('roles must alternate') }}",
        "{{ 'x' * 3000000 }}{{ 'x' * 3000000 }}",
        "{% for x in range(1000000) %}{% endfor %}",
        "{{ missing.attribute }}",
        "{{ 1 // 0 }}",
    ],
)
def test_a_hostile_template_is_an_error_of_the_request(source: str, tokenizer: Tokenizer) -> None:
    with pytest.raises(RequestError):
        ChatTemplate(source, tokenizer).encode([Message("user", "x")])


def test_a_slow_template_is_given_up(tokenizer: Tokenizer) -> None:
    source = "{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}"
    seconds = itertools.count(0.0, 0.3)
    with pytest.raises(RequestError, match="too long"):
        ChatTemplate(source, tokenizer, clock=lambda: next(seconds)).encode([Message("user", "x")])


def test_a_template_that_is_none_is_the_models_fault(tokenizer: Tokenizer) -> None:
    with pytest.raises(ModelCorrupt):
        ChatTemplate("{% for %}", tokenizer)
