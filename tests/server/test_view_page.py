"""The page of ``speechalign view`` in a browser: what is seen, heard, corrected and saved."""

import json

import numpy as np
import pytest
import soundfile
from browser import wait_until

from speechalign import Alignment, Interval, read_alignment
from speechalign.aligners.aligner import Aligner
from speechalign.corpus.reading import read_corpus
from speechalign.pipeline.align_corpus import align_corpus
from speechalign.pipeline.manifest import Manifest
from speechalign.pipeline.result import Status, UtteranceResult
from speechalign.server.view_api import view_routes
from speechalign.server.workspace import Workspace
from speechalign.text.word import Word

READY = "document.documentElement.dataset.drawn === 'yes'"
SAVED = "document.getElementById('saved').textContent === 'saved'"


def open_page(page, client):
    page.goto(client.page)
    wait_until(page, READY)
    return page


def choose(page, name):
    page.get_by_role("option", name=name).click()
    wait_until(page, f"document.getElementById('title').textContent === {json.dumps(name)}")


def place(page, time, tier):
    """Return where a time is on the row of a tier, pixels of the canvas."""
    left = page.evaluate(f"x({time})")
    return {"x": left, "y": tier * 40 + 22}


def drag(page, time, by, tier=0):
    """Drag a boundary by seconds."""
    box = page.locator("#tiers").bounding_box()
    begin, end = place(page, time, tier), place(page, time + by, tier)
    page.mouse.move(box["x"] + begin["x"], box["y"] + begin["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + end["x"], box["y"] + end["y"], steps=4)
    page.mouse.up()


def test_utterances_are_searched_filtered_and_sorted(page, client):
    open_page(page, client)
    names = page.locator("#rows .name")
    assert names.all_text_contents() == ["rms/river", "slt/harbour", "slt/tea"]
    page.fill("#search", "cups TEA")
    assert names.all_text_contents() == ["slt/tea"]
    page.fill("#search", "")
    page.select_option("#speaker", "slt")
    page.select_option("#sort", "words")
    values = page.locator("#rows .value").all_text_contents()
    assert values == sorted(values, key=float)
    page.click("#order")
    assert page.locator("#rows .value").all_text_contents() == values[::-1]
    page.select_option("#status", "edited")
    assert names.count() == 0


def test_a_dragged_boundary_is_saved_with_its_phones(page, client, out):
    praatio = pytest.importorskip("praatio.textgrid", reason="needs praatio")
    open_page(page, client)
    choose(page, "slt/tea")
    file = out / "slt/tea.TextGrid"
    before = read_alignment(file)
    cups = before.tiers["words"][1]
    assert before.tiers["words"][2].start == cups.end  # the neighbour follows
    drag(page, cups.end, 0.03)
    wait_until(page, SAVED)
    page.reload()
    wait_until(page, READY)

    after = read_alignment(file)
    moved = after.tiers["words"][1].end
    step = page.evaluate("timeAt(1) - timeAt(0)")
    assert moved == pytest.approx(cups.end + 0.03, abs=2 * step)
    assert after.tiers["words"][2].start == moved
    ends = {phone.end for phone in after.tiers["phones"]}
    assert moved in ends
    assert cups.end not in ends
    grid = praatio.openTextgrid(str(file), includeEmptyIntervals=False)
    assert grid.getTier("words").entries[1].end == pytest.approx(moved)

    original = read_alignment(out / "slt/tea.TextGrid.orig", format="textgrid")
    assert original == before
    result = Manifest(out).read()["slt/tea"]
    assert (result.edited, result.status) == (True, Status.KEPT)
    assert page.locator("#rows .tag.edited").count() == 1


def test_shift_moves_the_boundary_of_one_tier(page, client, out):
    open_page(page, client)
    choose(page, "slt/tea")
    before = read_alignment(out / "slt/tea.TextGrid")
    page.keyboard.down("Shift")
    drag(page, before.tiers["words"][1].end, 0.03)
    page.keyboard.up("Shift")
    wait_until(page, SAVED)
    after = read_alignment(out / "slt/tea.TextGrid")
    assert after.tiers["words"][1].end > before.tiers["words"][1].end
    assert after.tiers["phones"] == before.tiers["phones"]


def test_corrections_by_keys_alone_are_undone_and_redone(page, client, out):
    open_page(page, client)
    file = out / "rms/river.TextGrid"
    before = read_alignment(file)
    page.focus("#tiers")
    press = page.keyboard.press
    press("ArrowRight")  # heron
    press("Enter")
    page.fill("#label", '<script>boom()</script> & "crane"')
    press("Enter")
    wait_until(page, SAVED)
    label = read_alignment(file).tiers["words"][1].label
    assert label == '<script>boom()</script> & "crane"'
    press("m")
    press("]")
    press("Alt+ArrowRight")
    press("Control+z")
    press("Control+z")
    wait_until(page, SAVED)
    assert [w.label for w in read_alignment(file).tiers["words"]][1] == label
    press("Control+z")
    wait_until(page, "!document.querySelector('.tag.edited')")
    assert read_alignment(file) == before
    assert Manifest(out).read()["rms/river"].edited is False
    press("Control+y")
    wait_until(page, "document.querySelector('.tag.edited')")
    press("c")
    wait_until(page, "document.querySelector('#rows .tag.checked')")
    assert Manifest(out).read()["rms/river"].checked is True


def test_an_interval_is_deleted_added_and_split(page, client, out):
    open_page(page, client)
    choose(page, "slt/tea")
    page.focus("#tiers")
    first = read_alignment(out / "slt/tea.TextGrid").tiers["words"][0]
    page.keyboard.press("Delete")
    wait_until(page, SAVED)
    after = read_alignment(out / "slt/tea.TextGrid")
    assert after.tiers["words"][0].label != first.label
    assert after.tiers["phones"][0].start >= first.end  # those of the word have gone too

    wave = page.locator("#wave").bounding_box()
    page.mouse.move(wave["x"] + page.evaluate(f"x({first.start})"), wave["y"] + 20)
    page.mouse.down()
    page.mouse.move(wave["x"] + page.evaluate(f"x({first.end})"), wave["y"] + 20, steps=3)
    page.mouse.up()
    page.keyboard.press("a")
    page.fill("#label", "two")
    page.keyboard.press("Enter")
    wait_until(page, "ownTier().intervals[0].label === 'two' && !saving")
    middle = (first.start + first.end) / 2
    page.mouse.click(wave["x"] + page.evaluate(f"x({middle})"), wave["y"] + 20)
    page.keyboard.press("s")
    wait_until(page, "ownTier().intervals[1].label === 'two' && !saving")
    words = read_alignment(out / "slt/tea.TextGrid").tiers["words"]
    assert [w.label for w in words[:2]] == ["two", "two"]
    assert words[0].end == words[1].start == pytest.approx(middle, abs=0.01)


def test_what_is_played_is_the_word(page, client):
    open_page(page, client)
    choose(page, "slt/tea")
    box = page.locator("#tiers").bounding_box()
    word = page.evaluate("ownTier().intervals[1]")
    with page.expect_request(lambda request: "api/audio" in request.url) as asked:
        spot = place(page, (word["start"] + word["end"]) / 2, 0)
        page.mouse.click(box["x"] + spot["x"], box["y"] + spot["y"])
    rate = page.evaluate("shown.sound.rate")
    first, last = asked.value.headers["range"].removeprefix("bytes=").split("-")
    assert (int(first) - 44) / 2 == round(word["start"] * rate)
    assert (int(last) + 1 - 44) / 2 == round(word["end"] * rate)
    wait_until(page, "player.playing && player.position > ownTier().intervals[1].start")
    wait_until(page, "!player.playing")  # it ends by itself


def test_two_tabs_do_not_lose_each_others_work(page, client, out):
    open_page(page, client)
    choose(page, "slt/tea")
    other = page.context.new_page()
    open_page(other, client)
    choose(other, "slt/tea")
    word = read_alignment(out / "slt/tea.TextGrid").tiers["words"][1]
    drag(page, word.end, 0.03)
    wait_until(page, SAVED)
    first = (out / "slt/tea.TextGrid").read_bytes()

    drag(other, word.end, -0.02)
    other.get_by_text("has been changed by somebody else").wait_for()
    assert (out / "slt/tea.TextGrid").read_bytes() == first
    other.get_by_role("button", name="Show the other version").click()
    moved = read_alignment(out / "slt/tea.TextGrid").tiers["words"][1].end
    wait_until(other, f"ownTier().intervals[1].end === {moved!r}")
    assert not other.locator("#banner").is_visible()

    drag(other, moved, -0.02)
    wait_until(other, SAVED)
    drag(page, moved, 0.01)
    page.get_by_role("button", name="Save mine over it").click()
    wait_until(page, "!saving && document.getElementById('banner').hidden")
    assert read_alignment(out / "slt/tea.TextGrid").tiers["words"][1].end > moved


def test_an_utterance_is_aligned_again_with_another_pronunciation(page, client, out):
    open_page(page, client)
    choose(page, "slt/tea")
    text = page.input_value("#text")
    page.fill("#text", text.replace("tea", "tea/T IY T IY/"))
    page.get_by_role("button", name="Align again").click()
    wait_until(page, SAVED)
    tea = next(
        w for w in read_alignment(out / "slt/tea.TextGrid").tiers["words"] if w.label[:3] == "tea"
    )
    phones = [
        p.label
        for p in read_alignment(out / "slt/tea.TextGrid").tiers["phones"]
        if tea.start <= p.start < tea.end
    ]
    assert phones == ["T", "IY", "T", "IY"]
    page.fill("#text", "tea/T QQ/")
    page.get_by_role("button", name="Align again").click()
    page.get_by_text("QQ").last.wait_for()


def result_of(name, audio, words, duration):
    return UtteranceResult(
        name, name, Status.ALIGNED, None, " ".join(word.label for word in words), "s", 0.0,
        duration, None, str(audio), "english-sphinx", None, audio_duration=duration, confidence=0.9,
        outputs=(f"{name}.TextGrid",), outputs_sha256=("0" * 64,), words=words,
    )  # fmt: skip


def folder_of(out, audio, words, duration, name="a"):
    """Write a folder as `align` leaves it."""
    out.mkdir(exist_ok=True)
    spans = [Interval(start, end, label, 0.9) for start, end, label in words]
    found = tuple(Word(s.label, (s.label,), span=s, phones=(s,)) for s in spans)
    Alignment({"words": spans, "phones": spans}, duration).save(out / f"{name}.TextGrid")
    with Manifest(out).writing([result_of(name, audio, found, duration)]):
        pass
    return out


def test_credible_intervals_show_until_a_bound_is_moved(page, examples, aligner, serve, tmp_path):
    exact = Aligner(aligner.model, posteriors=["intervals"])
    align_corpus(examples / "rms", exact, tmp_path / "out")
    workspace = Workspace(tmp_path / "out")
    first = workspace.show("river")["tiers"][0]["intervals"][0]
    _, end, label, _, before, after = first
    assert before[0] < before[1] <= 0 <= before[2] < before[3]
    open_page(page, serve(view_routes(workspace)))
    said = page.locator("#info").text_content()
    assert label in said
    assert f"start {round(1000 * before[0])} to +{round(1000 * before[3])}" in said
    moved = f"Edits.move(shown.tiers, 0, {end}, {end + 0.01}).tiers[0].intervals"
    for interval, bound in ((0, "endMargins"), (1, "startMargins")):
        assert page.evaluate(f"shown.tiers[0].intervals[{interval}].{bound}") == after
        assert page.evaluate(f"{moved}[{interval}].{bound}") is None
    assert page.evaluate(f"{moved}[0].startMargins") == before


def test_right_to_left_scripts(page, serve, tmp_path):
    words = [(0.0, 0.5, "שלום"), (0.5, 1.0, "עולם,"), (1.0, 1.6, "مرحبا")]
    soundfile.write(tmp_path / "a.wav", np.zeros(32000), 16000)
    out = folder_of(tmp_path / "out", tmp_path / "a.wav", words, 2.0)
    open_page(page, serve(view_routes(Workspace(out))))
    assert page.input_value("#text") == "שלום עולם, مرحبا"
    assert (
        page.evaluate("getComputedStyle(document.querySelector('#rows .more')).direction") == "rtl"
    )
    page.focus("#tiers")
    page.keyboard.press("ArrowRight")  # later in time, wherever letters begin
    assert page.evaluate("chosenInterval().label") == "עולם,"
    page.keyboard.press("Enter")
    assert page.evaluate("getComputedStyle(document.getElementById('label')).direction") == "rtl"


def test_an_hour_scrolls(page, serve, tmp_path):
    rate, hour = 4000, 3600
    noise = np.random.default_rng(0).normal(0, 3000, 10 * rate).astype(np.int16)
    with soundfile.SoundFile(tmp_path / "a.wav", "w", rate, 1) as sink:
        for _ in range(hour // 10):
            sink.write(noise)
    words = [(t, t + 0.3, f"w{t}") for t in range(hour)]
    out = folder_of(tmp_path / "out", tmp_path / "a.wav", words, float(hour))
    open_page(page, serve(view_routes(Workspace(out))))
    wait_until(page, "pictures.kept && pictures.tiles.size && outline.kept")
    for _ in range(20):
        page.keyboard.press("PageDown")
    assert page.evaluate("view.start") > 400
    page.evaluate("show(3590, 3600)")
    wait_until(page, "pictures.kept.start <= 3590 && pictures.kept.end >= 3600")
    wait_until(page, "pictures.spectrogram(3590, 3600, 900).length > 0")
    assert page.evaluate("pictures.tiles.size") <= 96
    page.evaluate("sound(3595, 3596)")
    wait_until(page, "player.position >= 3595")


def test_audio_that_has_moved_is_named_and_the_tiers_show(page, serve, out, tmp_path):
    (tmp_path / "empty").mkdir()
    moved = Manifest(out).read()["rms/river"]
    lines = [
        json.loads(line) for line in (out / "alignment_manifest.jsonl").read_text().splitlines()
    ]
    for line in lines:
        line["audio"] = f"/nowhere/{line['recording']}.flac"
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (out / "alignment_manifest.jsonl").write_text(text)
    open_page(page, serve(view_routes(Workspace(out, tmp_path / "empty"))))
    message = page.inner_text("#message")
    assert f"/nowhere/{moved.recording}.flac" in message
    assert str(tmp_path / "empty" / f"{moved.recording}.flac") in message
    assert page.evaluate("ownTier().intervals.length") == len(moved.words)


def test_the_reason_of_a_failure_is_shown_once(page, serve, tmp_path, aligner):
    (tmp_path / "broken.wav").write_text("no sound")
    (tmp_path / "broken.lab").write_text("hello")
    list(align_corpus(read_corpus(tmp_path), aligner, tmp_path / "out"))
    open_page(page, serve(view_routes(Workspace(tmp_path / "out"))))
    wait_until(page, "document.getElementById('title').textContent === 'broken'")
    assert page.inner_text("#stage").count("not a sound file that can be read") == 1


def test_a_textgrid_broken_by_hand_shows_what_was_aligned(page, client, out):
    file = out / "rms/river.TextGrid"
    file.write_text(file.read_text()[:400])
    broken = file.read_bytes()
    open_page(page, client)
    assert str(file) in page.inner_text("#message")
    assert page.evaluate("ownTier().intervals.length") == 11
    page.keyboard.press("Delete")
    assert page.get_by_role("button", name="Delete").is_disabled()
    assert file.read_bytes() == broken


def test_a_full_disk_keeps_the_old_file(page, client, out, monkeypatch):
    from speechalign.server import workspace

    def full(*_, **__):
        raise OSError(28, "No space left on device", "tea.TextGrid")

    monkeypatch.setattr(workspace, "write_alignment", full)
    before = (out / "slt/tea.TextGrid").read_bytes()
    open_page(page, client)
    choose(page, "slt/tea")
    drag(page, page.evaluate("ownTier().intervals[1].end"), 0.03)
    page.get_by_text("No space left on device").wait_for()
    assert page.inner_text("#saved") == "not saved"
    assert (out / "slt/tea.TextGrid").read_bytes() == before
    monkeypatch.undo()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    wait_until(page, SAVED)
    assert (out / "slt/tea.TextGrid").read_bytes() != before


def test_ten_thousand_utterances_are_listed(page, serve, out):
    manifest = out / "alignment_manifest.jsonl"
    one = json.loads(manifest.read_text().splitlines()[0])
    one["words"] = one["words"][:1]
    names = [f"u{n:05}" for n in range(10_000)]
    manifest.write_text(
        "".join(json.dumps({**one, "utterance": n, "recording": n}) + "\n" for n in names)
    )
    open_page(page, serve(view_routes(Workspace(out))))
    assert page.inner_text("#count") == "10000 of 10000 utterances"
    assert page.locator("#rows .row").count() < 60  # those in view
    page.evaluate("list.choose('u09999')")
    page.get_by_role("option", name="u09999").wait_for()


def test_the_page_fits_at_twice_the_size(chromium, client):
    with chromium.new_context(
        viewport={"width": 640, "height": 400}, device_scale_factor=2, color_scheme="dark"
    ) as context:
        page = open_page(context.new_page(), client)
        assert page.evaluate("document.documentElement.scrollWidth") <= 640
        assert page.evaluate("document.getElementById('tiers').width") == 2 * page.evaluate(
            "document.getElementById('tiers').clientWidth"
        )
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, background.removeprefix("rgb(").removesuffix(")").split(","))) < 60
