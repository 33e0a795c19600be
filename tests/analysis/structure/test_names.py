"""Names against sets, real names and the post's sample."""

import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.structure import names

listed = st.lists(st.sampled_from([b"Ann", b"ann", b"Bob", b"Eve-Lyn", b"x!", b"Zoe"]), max_size=12)


@pytest.fixture(scope="module")
def mirror():
    if not (folder := os.environ.get("CORPORA_MIRROR")):
        pytest.skip("CORPORA_MIRROR is not set: the names corpus is not here")
    return Path(folder)


@pytest.fixture(scope="module")
def real(mirror):
    with zipfile.ZipFile(mirror / "names.zip") as archive:
        text = archive.read("names/male.txt") + archive.read("names/female.txt")
    return [line.strip() for line in text.splitlines() if line.strip() and line[:1] != b"#"]


def _shares(text, context):
    """All figures of one stream that is one window."""
    found = names.measure(text, context)
    return {figure.name: figure.events / figure.exposure for figure in found}


def test_figures_of_a_small_list():
    context = names.Context.of(b"Ann\nBob\n", b"Carl\n")
    found = _shares(b"Ann\nann\nCarl\nCarl\nxX\nBo", context)
    assert found == {
        "novel": 4 / 5,
        "novel, whole list": 2 / 5,
        "novel, unique": 3 / 4,
        "novel, case ignored": 2 / 3,
        "unique": 4 / 5,
        "valid form": 3 / 5,
    }


@given(listed, listed)
def test_different_names_count_once(sampled, training):
    context = names.Context.of(b"\n".join([*training, b""]))
    figures = names.measure(b"\n".join([*sampled, b""]), context)[3:]
    unique = set(sampled)
    folded = {name.lower() for name in unique}
    assert [figure[1:3] for figure in figures] == [
        (len(unique), len(sampled)),
        (len(unique - set(training)), len(unique)),
        (len(folded - {name.lower() for name in training}), len(folded)),
    ]


@given(listed, listed)
def test_measures_and_events_count_the_same(sampled, training):
    text = b"\n".join([*sampled, b""])
    context = names.Context.of(b"\n".join([*training, b""]))
    figures = {figure.name: figure for figure in names.measure(text, context)}
    found = names.events(text, context)
    assert figures["novel"].events == sum(event.outcome == "novel" for event in found)
    assert figures["valid form"].events == sum(
        event.outcome == "ok" for event in found if event.kind == "form"
    )
    assert figures["novel"].exposure == len(sampled) == len(found) / 2
    assert all(text[event.position : event.position + 1].strip() for event in found)


@given(st.binary(max_size=60))
def test_any_bytes_can_be_measured(text):
    for one in names.measure(text, names.NOTHING):
        assert 0 <= one.events <= one.exposure


@pytest.mark.parametrize(
    "name", [b"Ann", b"E'Lane", b"JoAnn", b"Jean-Paul", b"Mary Ann", b"Anne-marie"]
)
def test_valid_names(name):
    assert names.FORM.fullmatch(name)


@pytest.mark.parametrize(
    "name", [b"", b"A", b"ann", b"ANN", b"Ann-", b"Ann--Marie", b"Ann3", b"AnN"]
)
def test_invalid_names(name):
    assert not names.FORM.fullmatch(name)


@given(st.permutations([b"Ann", b"Ann", b"Bob", b"Eve"]))
def test_natural_novelty_is_that_of_leaving_one_out(listed):
    left_out = [name not in listed[:i] + listed[i + 1 :] for i, name in enumerate(listed)]
    figure = names.natural_novelty(listed)
    assert (figure.events, figure.exposure) == (sum(left_out), 4)


def test_a_very_long_line_is_no_name():
    novel, _, form, *_ = names.measure(b"A" + b"a" * 3_000_000 + b"!\n", names.NOTHING)
    assert (novel.exposure, form.events) == (1, 0)


def test_floors_of_real_names(real):
    text = b"\n".join([*real, b""])
    found = _shares(text, names.Context.of(text))
    assert len(real) == 7944
    assert found["valid form"] == 1
    assert found["novel"] == found["novel, case ignored"] == 0
    assert found["unique"] == pytest.approx(7578 / 7944)
    natural = names.natural_novelty(real)
    assert natural.events / natural.exposure == pytest.approx(0.9, abs=0.01)


def test_the_posts_names_are_novel(mirror, real):
    post = (mirror / "rnn-effectiveness.markdown").read_bytes()
    start = post.index(b"*Rudi")
    sample = post[start + 1 : post.index(b"*", start + 1)] + b"\n"
    found = _shares(sample, names.Context.of(b"\n".join([*real, b""])))
    assert len(names.lines(sample)) == 100
    assert found["valid form"] == 1
    assert found["unique"] == 1
    assert found["novel"] == 1
