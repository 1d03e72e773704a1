"""Reading contribution maps: every file type, and what is refused."""

import json
import pickle

import numpy as np
import pytest

from speechalign.contributions import check_map, find_maps, read_map
from speechalign.errors import FormatError, InputError

VALUES = np.array([[0.25, 0.75, 0.0], [0.5, 0.25, 0.25]])


def test_numpy(tmp_path):
    np.save(tmp_path / "a.npy", VALUES.astype(np.float16))
    np.savez(tmp_path / "b.npz", anything=VALUES)
    np.savez(tmp_path / "c.npz", other=VALUES[0], contributions=VALUES)
    for name in ("a.npy", "b.npz", "c.npz"):
        found = read_map(tmp_path / name)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, VALUES)


def test_json(tmp_path):
    for content in (VALUES.tolist(), {"tokens": [], "contributions": VALUES.tolist()}):
        (tmp_path / "a.json").write_text(json.dumps(content))
        np.testing.assert_array_equal(read_map(tmp_path / "a.json"), VALUES)


def test_torch(tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch")
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        for content in (
            torch.tensor(VALUES, dtype=dtype, requires_grad=True),
            {"contributions": torch.tensor(VALUES, dtype=dtype), "x": torch.ones(1)},
        ):
            torch.save(content, tmp_path / "a.pt")
            np.testing.assert_array_equal(read_map(tmp_path / "a.pt"), VALUES)
    torch.save([1, 2], tmp_path / "a.pt")
    with pytest.raises(FormatError, match="expected a tensor, got list"):
        read_map(tmp_path / "a.pt")


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('ran code')",)


def test_code_in_a_file_is_not_run(tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch")
    torch.save({"contributions": Evil()}, tmp_path / "a.pt")
    with pytest.raises(FormatError, match=r"a\.pt: not a contribution map: "):
        read_map(tmp_path / "a.pt")
    np.save(tmp_path / "a.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError, match="Object arrays cannot be loaded"):
        read_map(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(FormatError, match="not a contribution map"):
        read_map(tmp_path / "b.npy")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.npy", b""), ("a.npz", b"PK"), ("a.json", b"{"), ("a.json", b"[[1], [1, 2]]"),
     ("a.json", b'{"a": [[1]], "b": [[1]]}'), ("a.json", b'[["x"]]'), ("a.json", b"\xff"),
     ("a.txt", b"1")],
)  # fmt: skip
def test_damaged(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=name):
        read_map(tmp_path / name)


def test_values_that_make_no_sense(tmp_path):
    for bad, shown in ((np.nan, "nan"), (-0.5, "-0.5"), (np.inf, "inf")):
        values = VALUES.copy()
        values[1, 2] = bad
        np.save(tmp_path / "a.npy", values)
        with pytest.raises(
            InputError,
            match=rf"a\.npy: row 1, column 2: expected a finite number >= 0, got {shown} \(1 such",
        ):
            read_map(tmp_path / "a.npy")
    with pytest.raises(InputError, match=r"contributions: expected shape \(rows, columns\), got"):
        check_map(np.zeros(3))


def test_find(tmp_path):
    for name in ("002.npy", "001.json", ".x.npy", "notes.txt"):
        (tmp_path / name).write_text("")
    assert {name: path.name for name, path in find_maps(tmp_path).items()} == {
        "001": "001.json", "002": "002.npy",
    }  # fmt: skip
    (tmp_path / "001.npy").write_text("")
    with pytest.raises(FormatError, match=r"001.npy: there is 001\.json too; remove one"):
        find_maps(tmp_path)
