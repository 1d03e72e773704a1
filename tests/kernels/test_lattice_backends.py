"""Which backend answers: the one asked for, or the one that can work where the data are."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from lattice_problems import make_graph

from speechalign.errors import BackendError, InputError
from speechalign.kernels import forward_backward, lattice, viterbi

LOG_PROBS = np.log([[0.5, 0.5], [0.2, 0.8], [0.1, 0.9]])


def two_states():
    start, final = [0.0, -np.inf], [-np.inf, 0.0]
    return make_graph([0, 0, 1], [0, 1, 1], [0, 1, 1], [0.0] * 3, [1] * 3, start, final)


class OnGpu:
    """What the interface asks of a tensor that lies on a GPU."""

    is_cuda = True
    device = "cuda:0"

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim

    def __len__(self):
        return len(self.array)

    def __getitem__(self, key):
        return self.array[key]

    def __lt__(self, other):
        return self.array < other

    def detach(self):
        return self

    def cpu(self):
        return SimpleNamespace(numpy=lambda: self.array)


@pytest.fixture
def asked(monkeypatch):
    """Replace the backends; return the list of (name, kind of data) that were asked, in order.

    Those named in ``asked.missing`` cannot work.
    """

    class Asked(list):
        missing = ()

    calls = Asked()

    def backend(name):
        def answer(log_probs, *_):
            calls.append((name, type(log_probs)))
            if name in calls.missing:
                raise BackendError(f"install {name}")
            return np.zeros(len(log_probs), np.int64), -1.0

        return SimpleNamespace(best_path=answer, occupation=answer)

    monkeypatch.setattr(lattice, "BACKENDS", {n: backend(n) for n in ("numba", "cuda", "k2")})
    return calls


@pytest.mark.parametrize("search", [viterbi, forward_backward])
class TestAuto:
    def test_host_memory_is_for_numba(self, asked, search):
        search(LOG_PROBS, two_states())
        assert asked == [("numba", np.ndarray)]

    def test_gpu_memory_is_for_cuda(self, asked, search):
        search(OnGpu(LOG_PROBS), two_states())
        assert asked == [("cuda", OnGpu)]

    def test_or_else_for_k2(self, asked, search):
        asked.missing = ["cuda"]
        search(OnGpu(LOG_PROBS), two_states())
        assert asked == [("cuda", OnGpu), ("k2", OnGpu)]

    def test_or_else_it_is_copied_with_one_warning(self, asked, search):
        asked.missing = ["cuda", "k2"]
        reason = r"copied from cuda:0 and aligned on the CPU \(cuda: install cuda; k2: install k2\)"
        with pytest.warns(RuntimeWarning, match=reason) as warned:
            search(OnGpu(LOG_PROBS), two_states())
        assert asked[-1] == ("numba", np.ndarray)
        assert [w.filename for w in warned] == [__file__]


@pytest.mark.parametrize("search", [viterbi, forward_backward])
class TestByName:
    @pytest.mark.parametrize("data", [LOG_PROBS, OnGpu(LOG_PROBS)])
    @pytest.mark.parametrize("name", ["cuda", "k2"])
    def test_never_falls_back(self, asked, search, name, data):
        asked.missing = [name]
        with pytest.raises(BackendError, match=f"install {name}"):
            search(data, two_states(), backend=name)
        assert asked == [(name, type(data))]

    def test_numba_does_not_read_the_gpu(self, asked, search):
        with pytest.raises(BackendError, match=r"numba' reads host memory, got a tensor on cuda:0"):
            search(OnGpu(LOG_PROBS), two_states(), backend="numba")
        assert asked == []

    def test_k2_that_is_not_there(self, monkeypatch, search):
        monkeypatch.setitem(sys.modules, "k2", None)
        with pytest.raises(BackendError, match=r"backend 'k2': .*; pip install k2==1\.23\.4"):
            search(LOG_PROBS, two_states(), backend="k2")

    def test_unknown_name(self, search):
        with pytest.raises(InputError, match=r"no entry 'mlx'; there is: .*k2, numba"):
            search(LOG_PROBS, two_states(), backend="mlx")


def test_checks_hold_for_data_on_the_gpu():
    spoilt = LOG_PROBS.copy()
    spoilt[2, 0] = np.nan
    with pytest.raises(InputError, match=r"log_probs\[2, 0\]: expected a finite value or -inf"):
        viterbi(OnGpu(spoilt), two_states())
    with pytest.raises(InputError, match="expected float32 or float64, got float16"):
        viterbi(OnGpu(LOG_PROBS.astype(np.float16)), two_states())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors_in_host_memory(dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(LOG_PROBS, dtype=getattr(torch, dtype), requires_grad=True)
    array = LOG_PROBS.astype(dtype)
    path, same = viterbi(tensor, two_states()), viterbi(array, two_states())
    assert path.arcs.tolist() == same.arcs.tolist()
    assert path.score == same.score
    summed, same = forward_backward(tensor, two_states()), forward_backward(array, two_states())
    assert (summed.posteriors == same.posteriors).all()
    with pytest.raises(InputError, match="expected float32 or float64, got bfloat16; convert it"):
        viterbi(tensor.bfloat16(), two_states())
    spoilt = torch.tensor([[0.0, 0.0], [0.0, float("nan")]])
    with pytest.raises(InputError, match=r"log_probs\[1, 1\]: .* got nan"):
        viterbi(spoilt, two_states())
