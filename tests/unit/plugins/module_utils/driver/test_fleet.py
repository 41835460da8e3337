# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of all hosts, and names in few words."""

from __future__ import annotations

import re

import pytest
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import fleet
from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver.folding import folded, shortened
from driver_case import driven, facts, plan
from hypothesis import given
from hypothesis import strategies as st

SAME = plan(driven())
DRAIN = plan(driven("570.195.03"))
CONSENT = plan(driven("570.195.03"), disruption=True)
NEW = plan(facts())
REFUSED = plan(facts(generation="volta"), flavour="open", branch="595")
LEFT = plan(facts(passthrough=True))


def entries(**hosts):
    return [{"host": name.replace("_", "-"), **what} for name, what in hosts.items()]


MIXED = entries(
    a={"plan": SAME},
    b={"plan": DRAIN},
    c={"plan": NEW},
    d={"plan": REFUSED},
    e={"plan": LEFT},
    f={"error": "unreachable: timed out"},
    g={"plan": CONSENT},
)


def test_each_host_has_a_row_and_what_is_wrong_stands_first_with_its_way_out():
    found = fleet.lines(MIXED, 10)
    assert [line.split()[0] for line in found[2:-2] if not line.startswith(" ")] == list("fdbcgae")
    text = "\n".join(found)
    assert "    unreachable: timed out" in text
    assert "    open modules don't drive volta: they have no GSP processor; set nvidia_driver_flavour to auto" in text
    assert "    branch 595 doesn't drive volta GPUs; set nvidia_driver_branch to 580" in text
    assert re.search(r"^d +none +595\.\* open +- +- +- +open_too_old, branch_gpu$", text, re.MULTILINE)
    assert re.search(r"^b +570\.195\.03 open +580\.\* open +upgrade +yes +no +pending$", text, re.MULTILINE)
    assert re.search(r"^g +570\.195\.03 open +580\.\* open +upgrade +yes +no$", text, re.MULTILINE)
    assert re.search(r"^c +none +580\.\* open +install +no +no$", text, re.MULTILINE)
    assert re.search(r"^a +580\.95\.05 open +580\.95\.05 open +none +no +no$", text, re.MULTILINE)
    assert re.search(r"^e +none +- +- +- +- +left alone$", text, re.MULTILINE)
    counted = "7 hosts: 1 left alone, 1 as wanted, 2 change, 1 pending, 1 blocked, 1 failed; 2 to drain, 0 to reboot"
    assert found[-1] == counted


def test_hosts_alike_share_a_row_where_there_are_many():
    many = [{"host": f"gpu{number:05d}", "plan": SAME if number % 100 else REFUSED} for number in range(10000)]
    found = fleet.lines(many, 40)
    assert len(found) < 10
    assert max(len(line) for line in found) < 200
    assert found[-1] == "10000 hosts: 9900 as wanted, 100 blocked"
    assert "(9900 hosts)" in "\n".join(found)


def test_reasons_that_name_their_host_do_not_break_the_groups_up():
    many = [{"host": f"gpu{number:05d}", "error": f"gpu{number:05d} timed out"} for number in range(9000)]
    many += [{"host": f"new{number}", "error": "no\n  python"} for number in range(1000)]
    found = fleet.lines(many, 40)
    assert len(found) < 12
    assert "    no python (1000 of 10000)" in found
    assert "    ... and 8996 other reasons: see the report" in found


def test_a_table_has_an_end():
    many = [{"host": f"gpu{number}", "plan": plan(driven(f"570.{number}"))} for number in range(500)]
    found = fleet.lines(many, 40)
    assert len(found) < 300
    assert "... and 400 hosts more: see the report" in found
    assert found[-1].startswith("500 hosts: 500 pending")


def test_up_to_the_number_of_rows_everybody_keeps_a_reason_of_their_own():
    found = fleet.lines(entries(a={"error": "x"}, b={"error": "y"}), 2)
    assert [line for line in found if line.startswith("    ")] == ["    x", "    y"]


def test_nobody_is_no_table():
    assert fleet.lines([], 10) == ["No GPU hosts."]


def test_the_document_has_every_host_and_the_counts():
    made = fleet.document(MIXED, {"title": "t"})
    assert made["schema_version"] == 1
    assert made["title"] == "t"
    assert made["ok"] is False
    counts = {"failed": 1, "blocked": 1, "pending": 1, "change": 2, "as_wanted": 1, "left_alone": 1}
    assert made["counts"] == counts
    assert [host["status"] for host in made["hosts"]] == [
        "as_wanted",
        "pending",
        "change",
        "blocked",
        "left_alone",
        "failed",
        "change",
    ]
    assert made["hosts"][5]["error"] == "unreachable: timed out"
    assert made["hosts"][1]["drain"] is True
    assert "packages" not in made["hosts"][1]
    assert fleet.document(entries(a={"plan": SAME}), {})["ok"] is True


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["gpu1"], ["gpu1"]),
        (["storage"], ["storage"]),
        (["gpu1", "gpu2", "gpu3"], ["gpu[1-3]"]),
        (["gpu9", "gpu10", "gpu12"], ["gpu[9-10,12]"]),
        (["gpu001", "gpu003", "gpu002", "gpu100"], ["gpu[001-003,100]"]),
        (["gpu01.a.example", "gpu02.a.example", "gpu01.b.example"], ["gpu[01-02].a.example", "gpu01.b.example"]),
        (["r1-n1", "r1-n2", "r2-n1"], ["r1-n[1-2]", "r2-n1"]),
        (["10.0.0.7", "10.0.0.8"], ["10.0.0.[7-8]"]),
        (["gpu1", "gpu1"], ["gpu1"]),
    ],
)
def test_names_that_differ_in_their_last_number_become_one(names, expected):
    assert folded(names) == expected


def unfolded(text):
    found = re.match(r"^(.*?)\[([\d,-]+)\](.*)$", text)
    if not found:
        return [text]
    names = []
    for span in found.group(2).split(","):
        first, _dash, last = span.partition("-")
        width = len(first) if first.startswith("0") or len(first) == len(last or first) else 0
        names += [
            f"{found.group(1)}{number:0{width}d}{found.group(3)}"
            for number in range(int(first), int(last or first) + 1)
        ]
    return names


@given(
    st.lists(
        st.builds(
            "{}{:0{}d}{}".format,
            st.sampled_from(["gpu", "n-"]),
            st.integers(0, 1200),
            st.sampled_from([1, 3]),
            st.sampled_from(["", ".x"]),
        )
    )
)
def test_folding_loses_no_name_and_makes_none_up(names):
    back = [name for text in folded(names) for name in unfolded(text)]
    assert sorted(back) == sorted(set(names))


@given(st.lists(st.from_regex(r"[a-z]{1,8}[0-9]{0,3}", fullmatch=True), min_size=1), st.integers(24, 60))
def test_a_shortened_list_fits_and_counts(names, width):
    text = shortened(names, width)
    assert len(text) <= width
    assert text == ", ".join(folded(names)) or text.endswith(f"({len(set(names))} hosts)")
