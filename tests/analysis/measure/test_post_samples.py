"""The post's printed samples: found in its source, and what is known of them."""

import pandas as pd
import pytest
from omegaconf import OmegaConf

from analysis.measure import post_samples
from analysis.structure import prose
from pipeline.config.params import PARAMS_FILES, load
from pipeline.lm.io.errors import InputError
from pipeline.lm.io.files import write_json
from tests.conftest import ROOT, prepare

POST = OmegaConf.to_container(OmegaConf.load(ROOT / "conf/post.yaml"))
assert isinstance(POST, dict)


@pytest.fixture(scope="module")
def post(mirror) -> bytes:
    return (mirror / "rnn-effectiveness.markdown").read_bytes()


def test_a_sample_is_from_one_phrase_to_the_next_of_another():
    assert post_samples.printed(b"a `b c` d c", "b", "c") == b"b c\n"
    with pytest.raises(InputError, match="no sample from 'd' to 'b'"):
        post_samples.printed(b"a `b c` d c", "d", "b")


def test_every_sample_stands_in_the_post(post):
    sizes = {
        corpus: [len(post_samples.printed(post, *phrases)) for phrases in found["samples"]]
        for corpus, found in POST.items()
    }
    assert all(100 < size < 4000 for found in sizes.values() for size in found), sizes


def test_pandarus_has_two_words_that_are_none(post, mirror):
    works = (mirror / "shakespeare_input.txt").read_bytes()
    words = prose.read_dictionary(prose.Path("/usr/share/dict/american-english"))
    context = prose.Context.of(works, words, (), ())
    sample = post_samples.printed(post, *POST["shakespeare"]["samples"][0])
    figures = {m.name: (m.events, m.exposure) for m in prose.measure_play(sample, context)}
    assert figures["non-words"][0] == 2
    assert figures["valid headings"] == (5, 5)


def test_no_printed_name_is_in_the_list(post, tmp_path, mirror):
    config = load(ROOT / PARAMS_FILES["laptop"])
    for name in ("raw", "text", "results"):
        config.paths[name] = str(tmp_path / name)
    (tmp_path / "raw/post-itself").mkdir(parents=True)
    (tmp_path / "raw/post-itself/post.markdown").write_bytes(post)
    write_json(tmp_path / "raw/post-itself/source.json", {"file": "post.markdown"})
    prepare(tmp_path / "text/names", b"".join(b"Name%s\n" % (b"a" * (k % 9)) for k in range(500)))
    post_samples.measure_post(config, "names")
    table = pd.read_csv(tmp_path / "results/post/names.tsv", sep="\t").set_index("metric")
    assert tuple(table.loc["novel, whole list", ["events", "exposure"]]) == (100, 100)
    assert set(table["source"]) == {"the post"}
