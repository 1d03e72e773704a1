"""What README.md and docs/ show a newcomer is there, and runs."""

import re
import shlex
from pathlib import Path

import click
import pytest
import soundfile

import speechalign
from speechalign import read_alignment
from speechalign.cli.main import COMMANDS, cli
from speechalign.corpus import LAYOUTS
from speechalign.formats import FORMATS
from speechalign.losses import LOSSES
from speechalign.pipeline.result import Status

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
PAGES += [page for page in sorted((ROOT / "docs").rglob("*.md")) if "generated" not in page.parts]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}


def blocks(language):
    """Code blocks of all pages, each with a name for the test."""
    return [
        pytest.param(block, id=f"{page}-{number}")
        for page, text in TEXTS.items()
        for number, block in enumerate(re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S))
    ]


def shown_commands():
    """Lines of shell blocks that call speechalign, without their comments."""
    return [
        pytest.param(shlex.split(line, comments=True)[1:], id=line.split("#")[0].strip())
        for block in blocks("sh")
        for line in block.values[0].splitlines()
        if line.startswith("speechalign ")
    ]


def options(command):
    """All option names of a command and of those below it."""
    names = {name for parameter in command.params for name in parameter.opts if name[0] == "-"}
    names |= {"-h", "--help"}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            names |= options(command.get_command(context, name))
    return names


def test_there_is_something_to_check():
    assert len(blocks("python")) >= 1
    assert len(shown_commands()) >= 6
    assert len(PAGES) >= 2


def pages_of_python():
    """The Python of each page, one block after the other as a reader runs them."""
    pages = {}
    for block in blocks("python"):
        pages.setdefault(block.id.rsplit("-", 1)[0], []).append(block.values[0])
    return [pytest.param("\n".join(code), id=page) for page, code in pages.items()]


@pytest.mark.parametrize("code", pages_of_python())
def test_python_runs(code, examples, tmp_path, monkeypatch):
    pytest.importorskip("librosa")
    if "to_dataframe" in code:
        pytest.importorskip("pandas", reason="needs pandas")
    if "import torch" in code:
        pytest.importorskip("torch", reason="needs torch")
    samples, rate = soundfile.read(examples / "slt/tea.flac")
    (tmp_path / "my_corpus/ann").mkdir(parents=True)
    for path in (tmp_path / "hello.wav", tmp_path / "my_corpus/ann/hello.wav"):
        soundfile.write(path, samples, rate)
    (tmp_path / "my_corpus/ann/hello.lab").write_text("Hello, world!")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {})
    if "hello.TextGrid" in code:
        assert (tmp_path / "hello.TextGrid").stat().st_size > 0


@pytest.mark.parametrize("arguments", shown_commands())
def test_commands_parse(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("my_corpus", "my_output", "gold", "aligned", "talks", "reference", "hypothesis"):
        (tmp_path / name).mkdir()
    for name in ("gold.talp", "hyp.talp", "other.talp", "text.txt", "tokens.txt", "talk.srt"):
        (tmp_path / name).touch()
    # click keeps the help option of a command from its first context: one that knows -h.
    command, context = cli, click.Context(cli, **cli.context_settings)
    while isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(context, arguments)
    assert command.make_context(name, list(arguments), parent=context).command is command


@pytest.mark.parametrize("page", TEXTS)
def test_names_in_the_text_exist(page):
    text = TEXTS[page]
    if page.startswith("docs/from_"):  # the first column is about another program
        text = re.sub(r"^\|[^|]*\|", "|", text, flags=re.M)
    quoted = re.findall(r"`([^`\n]+)`", text)
    named = re.findall(r"speechalign ([a-z0-9-]+)", "\n".join(quoted))
    for name in set(named):
        assert name in COMMANDS, name
    known = options(cli)
    for code in quoted:
        if not code.startswith(("python", "pip", "bash")):
            for name in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", code):
                assert name in known, name
    for path in re.findall(r"(?:tools|docs|examples|recipes)/[\w/.-]*\w", text):
        path = path.replace("SPEAKER/x.flac", "slt/tea.flac")
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        if "generated/" not in link:  # the site's own, which its build checks
            assert (ROOT / page).parent.joinpath(link).exists(), link


def test_tables_of_the_guide_are_complete():
    guide = TEXTS["docs/guide.md"] + TEXTS["docs/formats.md"]

    def rows(heading):
        """Names in code in the first column of the table that has this heading."""
        table = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", guide, re.M)[1]
        return [name for row in table.splitlines()
                for name in re.findall(r"`([^`]+)`", row.split("|")[1])]  # fmt: skip

    assert sorted(rows("layout")) == sorted(LAYOUTS)
    assert sorted(rows("status")) == sorted(status.value for status in Status)
    assert sorted(rows("name")) == sorted(FORMATS)
    suffixes = re.findall(r"^\| `[^|]+\| ([^|]+) \|", guide, re.M)
    shown = {suffix for cell in suffixes for suffix in re.findall(r"`(\.[^`]+)`", cell)}
    assert shown == {FORMATS[name].SUFFIXES[0] for name in FORMATS}
    assert [row[0] for row in re.findall(r"^\| (\d+) \|()", guide, re.M)] == [
        "0", "1", "2", "3", "4", "5", "130",
    ]  # fmt: skip


def test_every_example_has_its_transcript_and_its_times(examples):
    gold = examples.parent / "gold"

    def names(folder, suffix):
        return {path.relative_to(folder).with_suffix("") for path in folder.rglob(f"*{suffix}")}

    sounds = names(examples, ".flac")
    assert sounds == names(examples, ".lab") == names(gold, ".TextGrid")
    assert len(sounds) == 3
    for name in sounds:
        times = read_alignment(gold / name.with_suffix(".TextGrid"))
        words = [word.label for word in times.tiers["words"]]
        assert words == (examples / name.with_suffix(".lab")).read_text(encoding="utf-8").split()
        assert times.duration == soundfile.info(examples / name.with_suffix(".flac")).duration


def test_messages_of_the_troubleshooting_page_exist():
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "speechalign").rglob("*.py")
    )
    text = re.sub(r'"\n\s*f?"', "", sources)  # strings that go on in the next line
    rows = re.findall(r"^\| `([^`]+)` \|", TEXTS["docs/troubleshooting.md"], re.M)
    assert len(rows) >= 10
    for message in rows:
        assert message in text, message


def test_every_public_name_is_on_a_page_of_the_interface():
    pages = "\n".join(TEXTS[page] for page in TEXTS if page.startswith("docs/api/"))
    listed = set(re.findall(r"[\w.]+$", pages, re.M))
    public = [name for name in speechalign.__all__ if name != "__version__"]
    for name in public + [f"{name}" for name in LOSSES]:
        assert name in listed, name
