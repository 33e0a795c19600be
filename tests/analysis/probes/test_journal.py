"""What a long stage keeps while it goes on."""

import pytest

from analysis.probes.journal import journal
from pipeline.lm.io.errors import InputError

GIVEN = {"steps": 3}


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "stage.py"
    path.write_text("1")
    return path


def stopped_after_two(folder, code, given=GIVEN) -> list[int]:
    """Parts found by a stage that is stopped before its third."""
    found = []

    def find(part: int) -> float:
        if part == 2:
            raise KeyboardInterrupt
        found.append(part)
        return part / 3

    with pytest.raises(KeyboardInterrupt), journal(folder, "stage", [code], given) as kept:
        for part in range(3):
            kept.found(str(part), lambda part=part: find(part))
    return found


def test_what_was_found_is_found_again_and_forgotten_at_the_end(tmp_path, code):
    assert stopped_after_two(tmp_path / "kept", code) == [0, 1]
    assert stopped_after_two(tmp_path / "kept", code) == []
    with journal(tmp_path / "kept", "stage", [code], GIVEN) as kept:
        assert [kept.found(str(part), lambda: 0.1 + 0.2) for part in range(3)] == [
            0,
            1 / 3,
            0.1 + 0.2,
        ]
    assert not list((tmp_path / "kept").glob("*.json"))
    assert stopped_after_two(tmp_path / "kept", code) == [0, 1]


def test_nothing_is_taken_up_under_other_settings_or_other_code(tmp_path, code):
    assert stopped_after_two(tmp_path, code) == [0, 1]
    assert stopped_after_two(tmp_path, code, {"steps": 4}) == [0, 1]
    code.write_text("2")
    assert stopped_after_two(tmp_path, code) == [0, 1]


def test_two_keep_off_one_journal_and_a_damaged_one_is_named(tmp_path, code):
    with journal(tmp_path, "stage", [code], GIVEN) as kept:
        kept.add("0", 1)
        with (
            pytest.raises(InputError, match="another process"),
            journal(tmp_path, "stage", [code], GIVEN),
        ):
            pass
        kept.path.write_text("{")
        with pytest.raises(InputError, match=f"{kept.path.name} is damaged"):
            type(kept)(kept.path)
