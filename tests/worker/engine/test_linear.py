import pytest
import torch

from desktop.worker.engine.linear import AS_THEY_COME, DenseLinear, PackedLinear, Widths, linear


@pytest.mark.parametrize("widths", [AS_THEY_COME, Widths(2, 4, 4), Widths(4, 3, 3)], ids=str)
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 64, 200])
@pytest.mark.parametrize("biased", [False, True])
def test_packed_weights_multiply_like_plain_ones_whatever_the_width(rows: int, widths: Widths, *, biased: bool) -> None:
    torch.manual_seed(rows)
    weight, x = torch.randn(96, 33), torch.randn(rows, 33)
    bias = torch.randn(96) if biased else None
    expected = DenseLinear(weight, bias)(x)
    product = PackedLinear(weight, bias, widths=widths)(x)
    assert product.shape == (rows, 96)
    torch.testing.assert_close(product, expected, rtol=1e-5, atol=1e-5)


def test_sixteen_bit_weights_stay_plain() -> None:
    assert isinstance(linear(torch.zeros(4, 4, dtype=torch.bfloat16)), DenseLinear)
