import numpy as np
import pytest

from speechalign.kernels.filterbank import apply_filters, mel_spaced, triangular_filters


def test_mel_scale_is_linear_in_mel_and_keeps_its_ends() -> None:
    hz = mel_spaced(60.0, 7600.0, 26)
    assert hz[[0, -1]] == pytest.approx([60.0, 7600.0])
    assert np.ptp(np.diff(2595 * np.log10(1 + hz / 700))) < 1e-9


def test_triangles_peak_at_their_middle_and_vanish_at_their_edges() -> None:
    edges = np.array([500.0, 1000.0, 2000.0, 4000.0])
    filters = triangular_filters(edges, 16000, 512)
    hz = np.arange(257) * 31.25
    assert filters.shape == (2, 257)
    for m in range(2):
        low, middle, high = edges[m : m + 3]
        assert filters[m, hz == middle] == 1.0
        assert (filters[m, (hz <= low) | (hz >= high)] == 0).all()
        assert (filters[m, (hz > low) & (hz < high)] > 0).all()
    # Where one filter falls the next one rises: between the middles they sum to one.
    assert filters[:, (hz >= 1000) & (hz <= 2000)].sum(axis=0) == pytest.approx(1.0)


@pytest.mark.parametrize("frames", [0, 1, 7])
def test_filters_equal_the_matrix_product(frames: int) -> None:
    rng = np.random.default_rng(frames)
    spectra = rng.random((frames, 12))
    filters = rng.normal(size=(5, 12))
    filters[0] = 0.0
    filters[1, :4] = filters[1, 9:] = 0.0
    filters[2, 5] = 0.0
    np.testing.assert_allclose(apply_filters(spectra, filters), spectra @ filters.T, atol=1e-13)
