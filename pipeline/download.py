"""Sources -> data/raw/<corpus>: the file as fetched, verified, and source.json."""

import argparse

from omegaconf import DictConfig

from pipeline import console
from pipeline.config import params
from pipeline.config.paths import Paths
from pipeline.corpora.corpus import Corpus
from pipeline.corpora.fetch import Network
from pipeline.corpora.listing import as_json, as_text, inventory
from pipeline.corpora.sources import obtain
from pipeline.lm.io.files import sole_writer


def download(config: DictConfig, name: str) -> None:
    """Obtain the corpus `name` of a composed configuration."""
    corpus = Corpus.of(name, params.corpus(config, name))
    network = params.view(Network, config.get("network") or {}, "network")
    raw = Paths.of(config).raw
    with sole_writer(raw / name):
        record = obtain(corpus, raw, network).record
    print(f"{name}: {record['variant']}, {record['bytes']:,} bytes from {record['source']}")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.download", description=__doc__)
    parser.add_argument("corpus", nargs="?", help="name of a corpus")
    parser.add_argument("--list", action="store_true", help="corpora, their sources, what is here")
    parser.add_argument("--json", action="store_true", help="the list as JSON")
    params.add_scale_options(parser)
    arguments = parser.parse_args()
    if arguments.list == bool(arguments.corpus):
        parser.error("give the name of a corpus, or --list")
    config = params.load(params.params_file(arguments))
    if arguments.corpus:
        download(config, arguments.corpus)
        return
    rows = inventory(params.corpora(config), Paths.of(config))
    print(as_json(rows) if arguments.json else as_text(rows))


if __name__ == "__main__":
    console.run(main)
