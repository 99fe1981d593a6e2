"""What may be asked, as OpenAI's clients ask it.

Fields nobody here knows are tolerated: clients send many that mean nothing to us. Fields whose meaning we know and
cannot honour are refused by name, because an answer that silently ignores them would be a wrong answer, sold.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from desktop.domain.errors import RequestError

MOST_MESSAGES: Final = 1024
MOST_TEXTS: Final = 256
MOST_STOPS: Final = 4
LARGEST_SEED: Final = 2**63 - 1

_NULL: Final = Raw(b"null")
_PATH: Final = re.compile(r" - at `\$\.?([^`]*)`$")
_MISSING: Final = re.compile(r"missing required field `([^`]*)`")

# Every value of these fields that asks for nothing special; any other value is refused. True equals 1 and False 0.
_NEUTRAL: Final = MappingProxyType(
    {
        "n": (None, 1),
        "best_of": (None, 1),
        "tools": (None, []),
        "tool_choice": (None, "none", "auto"),
        "functions": (None, []),
        "function_call": (None, "none", "auto"),
        "tool_calls": (None, []),
        "logprobs": (None, False),
        "top_logprobs": (None, 0),
        "prompt_logprobs": (None, 0),
        "response_format": (None, {"type": "text"}),
        "presence_penalty": (None, 0),
        "frequency_penalty": (None, 0),
        "repetition_penalty": (None, 1),
        "logit_bias": (None, {}),
        "audio": (None,),
        "modalities": (None, ["text"]),
        "prediction": (None,),
        "web_search_options": (None,),
        "echo": (None, False),
        "suffix": (None, ""),
        "dimensions": (None,),
        "balance_limit": (None,),
        "balance_limit_reset": (None, ""),
        "validity_date": (None,),
    }
)

ModelId = Annotated[str, Meta(min_length=1, max_length=256)]
StopString = Annotated[str, Meta(min_length=1, max_length=256)]
TokenCount = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class StreamOptions(Struct):
    """`stream_options`."""

    include_usage: bool | None = None


class Generating(Struct, kw_only=True):
    """What chats and completions share; the fields typed Raw are those of `_NEUTRAL`."""

    model: ModelId
    max_tokens: TokenCount | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    seed: Annotated[int, Meta(ge=0, le=LARGEST_SEED)] | None = None
    stop: StopString | Annotated[list[StopString], Meta(max_length=MOST_STOPS)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Raw = _NULL
    logprobs: Raw = _NULL
    top_logprobs: Raw = _NULL
    prompt_logprobs: Raw = _NULL
    presence_penalty: Raw = _NULL
    frequency_penalty: Raw = _NULL
    repetition_penalty: Raw = _NULL
    logit_bias: Raw = _NULL
    response_format: Raw = _NULL


class Part(Struct):
    """One part of a message's content; only text parts are taken."""

    type: str
    text: str | None = None


class ChatMessage(Struct):
    """One turn."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: Raw = _NULL
    function_call: Raw = _NULL


class ChatRequest(Generating, kw_only=True):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=MOST_MESSAGES)]
    max_completion_tokens: TokenCount | None = None
    tools: Raw = _NULL
    tool_choice: Raw = _NULL
    functions: Raw = _NULL
    function_call: Raw = _NULL
    audio: Raw = _NULL
    modalities: Raw = _NULL
    prediction: Raw = _NULL
    web_search_options: Raw = _NULL


class CompletionRequest(Generating, kw_only=True):
    """`POST /v1/completions`; one prompt, as text."""

    prompt: str | list[str]
    best_of: Raw = _NULL
    echo: Raw = _NULL
    suffix: Raw = _NULL


class EmbeddingRequest(Struct, kw_only=True):
    """`POST /v1/embeddings`; texts, not token ids."""

    model: ModelId
    input: str | Annotated[list[str], Meta(min_length=1, max_length=MOST_TEXTS)]
    encoding_format: str | None = None
    dimensions: Raw = _NULL


class CreateRequest(Struct, kw_only=True):
    """`POST /v1/balance/create`."""

    initial_balance_token: str
    balance_limit: Raw = _NULL
    balance_limit_reset: Raw = _NULL
    validity_date: Raw = _NULL


class TopUpRequest(Struct, kw_only=True):
    """`POST /v1/balance/topup`."""

    cashu_token: str


RequestT = TypeVar("RequestT", bound=Struct)


def parse(body: bytes, kind: type[RequestT]) -> RequestT:
    """The body as that request; RequestError naming the field to blame, where there is one."""
    try:
        request = msgspec.json.decode(body, type=kind)
        refuse_unsupported(request)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except UnicodeDecodeError:
        raise RequestError("The body is not UTF-8.", now="Send JSON encoded as UTF-8.") from None
    except msgspec.DecodeError:
        raise RequestError("The body is not JSON.", now="Send one JSON object, encoded as UTF-8.") from None
    except RecursionError:
        raise RequestError("The body is nested too deeply.", now="Send a plain request.") from None
    return request


def _invalid(complaint: str) -> RequestError:
    """Msgspec's complaint, with the field it is about."""
    place = _PATH.search(complaint)
    missing = _MISSING.search(complaint)
    names = [found[1] for found in (place, missing) if found is not None]
    return RequestError(
        f"{_PATH.sub('', complaint)}.", parameter=".".join(names), now="The field is as OpenAI's API has it."
    )


def refuse_unsupported(part: Struct, where: str = "") -> None:
    """RequestError if a field holds what this node cannot do."""
    for name in part.__struct_fields__:
        raw = getattr(part, name)
        if isinstance(raw, Raw) and raw is not _NULL and not _neutral(name, raw):
            raise RequestError(
                f"This node does not support that value of `{name}`.",
                parameter=f"{where}{name}",
                now="Leave it out, or ask another provider.",
            )


def _neutral(name: str, raw: Raw) -> bool:
    value: object = msgspec.json.decode(raw)
    return any(value == harmless for harmless in _NEUTRAL[name])
