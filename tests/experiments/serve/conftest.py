"""Two runs for all tests of the page: labels of any spelling, and questions."""

from pathlib import Path

import pytest

from ...helpers.served import asking_run, odd_run


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> list[Path]:
    place = tmp_path_factory.mktemp("served")
    return [odd_run(place / "odd"), asking_run(place / "asking")]
