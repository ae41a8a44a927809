"""What only one module may do, and each way of doing it elsewhere."""

from pathlib import Path

import pytest

from tests.house.guards import calls
from tests.house.plant import ROOT, Guard, plant


@pytest.mark.parametrize(
    "guard",
    [
        calls.only_the_clock_reads_time,
        calls.only_units_of_work_commit,
        calls.only_money_rounds,
        calls.only_wording_formats,
    ],
)
def test_each_thing_is_done_in_one_place(guard: Guard) -> None:
    assert guard(ROOT) == []


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime, UTC\nnow = datetime.now(UTC)",
        "import datetime\nnow = datetime.datetime.now()",
        "from datetime import datetime\ndefault = datetime.utcnow",
        "from datetime import date\ntoday = date.today()",
        "import time\nnow = time.time()",
        "from time import time",
        "import time\nnow = time.gmtime()",
        "from sqlalchemy import func\nnow = func.now()",
        "from sqlalchemy import func\nnow = func.current_timestamp()",
        "from sqlalchemy import text\nnow = text('SELECT now()')",
        "default = 'current_timestamp'",
    ],
)
def test_a_stray_clock_is_seen(text: str, tmp_path: Path) -> None:
    for path in ("app/services/ledger.py", "app/sample_server/store.py"):
        root = plant(tmp_path / path.replace("/", "-"), path, text)
        assert len(calls.only_the_clock_reads_time(root)) == 1


def test_a_stopwatch_and_the_clocks_are_let_be(tmp_path: Path) -> None:
    text = (
        '"""Says now()."""\nimport time\nfrom app import clock\nbegin = time.monotonic()\nctx.now()'
    )
    plant(tmp_path, "app/jobs/runner.py", text)
    plant(tmp_path, "app/clock.py", "from datetime import datetime, UTC\ndatetime.now(UTC)")
    assert calls.only_the_clock_reads_time(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "session.commit()",
        "db.session.rollback()",
        "work.session.commit()",
        "with engine.begin() as connection: pass",
        "with work.session.begin_nested(): pass",
        "done = session.commit",
    ],
)
def test_a_commit_elsewhere_is_seen(text: str, tmp_path: Path) -> None:
    assert len(calls.only_units_of_work_commit(plant(tmp_path, "app/services/a.py", text))) == 1


def test_asking_the_unit_of_work_to_commit_is_right(tmp_path: Path) -> None:
    plant(tmp_path, "app/services/unit_of_work.py", "session.commit()")
    plant(tmp_path, "app/services/ledger.py", "work.commit()\nsync.begin(as_of=work.now)")
    assert calls.only_units_of_work_commit(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "cents = round(share * price)",
        "import math\ncents = math.floor(share)",
        "from math import ceil",
        "cents = amount.quantize(1)",
        "import decimal\nmode = decimal.ROUND_HALF_UP",
        "share = 0.5",
        "share = float(text)",
    ],
)
def test_a_rounding_elsewhere_is_seen(text: str, tmp_path: Path) -> None:
    assert len(calls.only_money_rounds(plant(tmp_path, "app/domain/invoicing.py", text))) == 1


def test_money_may_round_but_not_float(tmp_path: Path) -> None:
    plant(tmp_path, "app/domain/money.py", "import math\ncents = math.floor(share)")
    assert calls.only_money_rounds(tmp_path) == []
    plant(tmp_path, "app/domain/money.py", "import math\ncents = math.floor(0.5)")
    assert len(calls.only_money_rounds(tmp_path)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "words = now.strftime('%d')",
        "from flask_babel import format_date",
        "from babel.numbers import format_currency",
        "import babel.dates",
    ],
)
def test_words_made_elsewhere_are_seen(text: str, tmp_path: Path) -> None:
    assert len(calls.only_wording_formats(plant(tmp_path, "app/web/portal/views.py", text))) == 1
