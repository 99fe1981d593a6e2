from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from desktop.domain.errors import SettingsError
from desktop.machine.identity import Identity, create_phrase

# NIP-06, test vectors.
VECTORS = [
    (
        "leader monkey parrot ring guide accident before fence cannon height naive bean",
        "7f7ff03d123792d6ac594bfa67bf6d0c0ab55b6b1fdb6249303fe861f1ccba9a",
        "17162c921dc4d2518f9a101db33695df1afb56ab82f5ff3e5da6eec3ca5cd917",
    ),
    (
        (
            "what bleak badge arrange retreat wolf trade produce cricket blur garlic valid proud rude strong choose "
            "busy staff weather area salt hollow arm fade"
        ),
        "c15d739894c81a2fcfd3a2df85a0d2c0dbc47a280d092799f144d73d7ae78add",
        "d41b22899549e1f3d335a31002cfd382174006e166d3e658e3a5eecdb6463573",
    ),
]
PHRASE = VECTORS[0][0]
# The phrase of NUT-13's test vectors, and its BIP-39 seed as the reference wallet's own tests have it.
NUT13_PHRASE = "half depart obvious quality work element tank gorilla view sugar picture humble"
NUT13_SEED = (
    "dd44ee516b0647e80b488e8dcc56d736a148f15276bef588b37057476d4b2b25780d3688a32b37353d6995997842c0fd8b412475c891c16310"
    "471fbc86dcbda8"
)


@pytest.mark.parametrize(("phrase", "secret", "public"), VECTORS)
def test_the_nostr_key_is_the_one_every_nip06_client_derives(phrase: str, secret: str, public: str) -> None:
    identity = Identity.from_phrase(phrase)

    assert identity.nostr_secret.hex() == secret
    assert identity.public_key == public


def test_the_wallet_seed_is_the_one_every_cashu_wallet_derives() -> None:
    assert Identity.from_phrase(NUT13_PHRASE).wallet_seed.hex() == NUT13_SEED


def test_the_transport_key_is_its_own() -> None:
    identity = Identity.from_phrase(PHRASE)

    assert identity.iroh_secret == hmac.digest(identity.wallet_seed, b"hearth/iroh/1", hashlib.sha512)[:32]
    # Pinned: another value would be another endpoint id for everyone who restores.
    assert identity.iroh_secret.hex() == "a6e09cb94c6f21e4a2f21d9c3a2d7b9667f7701475a6a8ab17a8d1b70e6dde65"
    assert identity.iroh_secret != identity.nostr_secret


def test_a_new_phrase_has_twelve_words_and_is_new() -> None:
    phrases = {create_phrase() for _ in range(20)}

    assert len(phrases) == 20
    assert {len(phrase.split()) for phrase in phrases} == {12}
    for phrase in phrases:
        Identity.from_phrase(phrase)


@given(st.binary(min_size=16, max_size=16))
def test_case_and_spacing_do_not_matter(entropy: bytes) -> None:
    phrase = Mnemonic("english").to_mnemonic(entropy)

    assert Identity.from_phrase("  " + phrase.upper().replace(" ", " \n\t")) == Identity.from_phrase(phrase)


def test_wrong_words_are_named_by_position_and_never_repeated() -> None:
    words = PHRASE.split()
    words[2], words[6] = "parott", "befor"

    with pytest.raises(SettingsError) as caught:
        Identity.from_phrase(" ".join(words))

    text = str(caught.value)
    assert "Words 3, 7" in text
    assert not any(word in text for word in words if len(word) > 4)


def test_two_words_that_changed_places_are_noticed() -> None:
    words = PHRASE.split()
    words[0], words[1] = words[1], words[0]

    with pytest.raises(SettingsError, match="do not make a recovery phrase together") as caught:
        Identity.from_phrase(" ".join(words))

    assert "monkey" not in str(caught.value)


@pytest.mark.parametrize("phrase", ["", "abandon", PHRASE + " bean", " ".join(["zoo"] * 30)])
def test_a_wrong_number_of_words_is_said(phrase: str) -> None:
    with pytest.raises(SettingsError, match=f"12 words; this has {len(phrase.split())}"):
        Identity.from_phrase(phrase)


@given(st.text(max_size=300))
def test_no_text_at_all_breaks_it(text: str) -> None:
    with pytest.raises(SettingsError):
        Identity.from_phrase(text)


def test_printing_an_identity_shows_no_secret() -> None:
    identity = Identity.from_phrase(PHRASE)

    assert repr(identity) == f"{identity}" == "Identity(…)"
