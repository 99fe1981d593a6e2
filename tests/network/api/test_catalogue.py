import pytest

from tests.fakes.desk import CHAT
from tests.network.api.conftest import Served


async def test_info_tells_who_we_are(served: Served) -> None:
    told = (await served.http.get("/v1/info")).json()
    assert told["http_url"] == "http://127.0.0.1:8080"
    assert told["onion_url"] == "http://abc.onion"
    assert told["endpoint_id"] == "e" * 64
    assert told["mints"] == ["http://127.0.0.1:3338"]
    assert {"name", "description", "version", "npub"} <= set(told)


async def test_models_carry_routstrs_prices_in_sats(served: Served) -> None:
    told = (await served.http.get("/v1/models")).json()
    assert told["object"] == "list"
    model = told["data"][0]
    assert (model["id"], model["object"], model["context_length"]) == ("smol", "model", 2048)
    price = model["sats_pricing"]
    assert price["prompt"] == pytest.approx(0.002)
    assert price["completion"] == pytest.approx(0.004)
    assert price["request"] == 1
    assert price["max_cost"] == pytest.approx(CHAT.max_cost.msat / 1000)
    assert price["max_cost"] == pytest.approx(
        price["max_prompt_cost"] + price["max_completion_cost"] + price["request"], abs=0.002
    )
    assert model["hearth"]["max_cost_msat"] == CHAT.max_cost.msat
    assert told["data"][1]["architecture"]["modality"] == "text->embeddings"


async def test_one_model(served: Served) -> None:
    assert (await served.http.get("/v1/models/smol")).json()["id"] == "smol"
    assert (await served.http.get("/v1/models/a/b")).status_code == 400


async def test_nothing_for_sale_is_an_empty_list(served: Served) -> None:
    served.desk.catalogue = ()
    assert (await served.http.get("/v1/models")).json()["data"] == []
