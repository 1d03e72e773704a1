"""Hypothesis strategies: generated alignments."""

from hypothesis import strategies as st

from speechalign import Alignment, Interval

# Every character that UTF-8 can hold, and often those that formats stumble over.
CHARACTERS = st.one_of(
    st.sampled_from("abcdeABC'\"“”,;:!-<>&\\\n\r\t |[]{}.=/é漢😀\u00a0\u2028\u0085\ufeff"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
LABELS = st.text(CHARACTERS, min_size=1, max_size=12).filter(
    lambda label: label.strip() and "<space>" not in label
)
SPEAKERS = ("Ann", "Bob Lee", "Zoë & Co")
TIERS = ("words", "phones", "utterances", 'odd "tier" 😀')


@st.composite
def alignments(draw, *, tiers=None, labels=LABELS, step=1e-6, min_tiers=1):
    """Draw an alignment with times on a grid of ``step`` seconds.

    ``tiers`` fixes the names of the tiers; without it there are one or several speakers with up
    to four tiers each.
    """
    if tiers is None:
        speakers = draw(st.sampled_from([[None], [None], list(SPEAKERS[:2]), list(SPEAKERS[2:])]))
        kinds = draw(st.lists(st.sampled_from(TIERS), unique=True, min_size=min_tiers))
        tiers = [kind if who is None else f"{who} - {kind}" for who in speakers for kind in kinds]
    lengths = st.sampled_from([0.05, 0.3, 2.0, 60.0]).flatmap(
        lambda top: st.integers(1, max(1, round(top / step)))
    )
    content = {name: _intervals(draw, labels, lengths, step) for name in tiers}
    end = max((found[-1].end for found in content.values() if found), default=0.0)
    duration = max(1e-6, draw(st.sampled_from([end, end + 1 / 3])))
    return Alignment(content, duration)


def _intervals(draw, labels, lengths, step):
    ticks, found = 0, []
    for label in draw(st.lists(labels, max_size=8)):
        start = ticks + draw(st.one_of(st.just(0), st.integers(2, 5), lengths))
        ticks = start + draw(lengths)
        confidence = draw(st.none() | st.floats(0, 1))
        found.append(Interval(start * step, ticks * step, label, confidence))
    return found
