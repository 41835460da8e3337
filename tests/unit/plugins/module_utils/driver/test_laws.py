# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every host and wish."""

from __future__ import annotations

import json

from ansible_collections.openhands.gpu_observability.plugins.module_utils._driver import branches
from driver_case import SYSTEMS, VERSION, change, driven, facts, plan
from hypothesis import given, settings
from hypothesis import strategies as st

GENERATIONS = ["kepler", "maxwell", "volta", "turing", "ampere", "ada", "hopper", "blackwell", "unknown"]
SWITCH = [{"address": "0000:07:00.0", "device": "22a3", "driver": ""}]
hardware = st.fixed_dictionaries(
    {
        "system": st.sampled_from(sorted(SYSTEMS)),
        "generation": st.lists(st.sampled_from(GENERATIONS), min_size=1, max_size=3).map(tuple),
        "architecture": st.sampled_from(["x86_64", "aarch64", "ppc64le"]),
        "nvswitches": st.sampled_from([[], SWITCH]),
        "nvlink5": st.booleans(),
        "coherent": st.booleans(),
        "vgpu_guest": st.booleans(),
        "passthrough": st.booleans(),
        "secure_boot": st.sampled_from(["enabled", "disabled", "unsupported"]),
    }
)
wishes = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["vendor", "archive"]),
        "branch": st.sampled_from([*(str(number) for number in branches.BRANCHES), "x", ""]),
        "flavour": st.sampled_from(["auto", "open", "proprietary"]),
        "kind": st.sampled_from(["compute", "full"]),
        "version": st.sampled_from(["", VERSION, "595.91.07"]),
        "reboot": st.sampled_from(["auto", "never"]),
        "disruption": st.booleans(),
    }
)
versions = st.sampled_from(["", "570.195.03", VERSION, "595.91.07"])
drivers = st.fixed_dictionaries({"loaded": versions, "on_disk": versions, "userland": versions})
changes = st.one_of(
    st.none(),
    st.lists(
        st.builds(
            change,
            st.sampled_from(
                ["nvidia-dkms-580-open", "libnvidia-compute-580", "linux-headers-6.8.0-84", "gcc", "nvlsm"]
            ),
            st.sampled_from(["", "580.126.09-1", "1.2"]),
            st.sampled_from(["", "580.95.05-1", "1.1"]),
        ),
        max_size=4,
    ),
)


@given(hardware, wishes, drivers, changes)
@settings(max_examples=150, deadline=None)
def test_a_plan_is_always_whole_and_of_one_mind(host, wish, driver, changed):
    made = plan(driven(driver=driver, **host), changed, **wish)
    json.dumps(made)
    packages = made["packages"]
    names = [one["name"] for one in packages["install"]]
    assert len(names) == len(set(names))
    assert set(packages["hold"]) <= set(names)
    if made["blocked"] or made["skipped"]:
        assert names == packages["hold"] == packages["remove"] == packages["pins"] == packages["headers"] == []
        assert not (made["repository"])
        assert not (made["services"])
        assert not (made["modprobe"]["blacklist"])
        assert made["action"] == "none"
    else:
        assert names
        assert packages["hold"]
        assert made["services"]
        assert (made["repository"] is None) is (wish["source"] == "archive")
    assert not (made["reload"] and made["reboot"])
    assert not made["reboot"] or made["drain"]
    if made["action"] == "none":
        assert not (made["drain"])
        assert not (made["reload"])
        assert not (made["reboot"])
        assert not (made["pending"])
    if made["drain"] and not wish["disruption"]:
        assert made["pending"]
    for reason in made["blocked"]:
        assert reason["reason"]
        assert reason["fix"]


@given(hardware, wishes)
@settings(max_examples=100, deadline=None)
def test_a_host_as_wanted_is_left_as_it_is(host, wish):
    first = plan(facts(**host), **wish)
    if first["blocked"] or first["skipped"]:
        return
    version = wish["version"] or f"{wish['branch']}.95.05"
    there = driven(version, first["wanted"]["flavour"], **host)
    for made in (plan(there, **wish), plan(there, [], **wish)):
        assert made["action"] == "none"
        assert not (made["drain"])
        assert not (made["pending"])
        assert made["packages"] == first["packages"]


@given(hardware, wishes, st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_more_gpus_of_one_kind_change_nothing(host, wish, times):
    one = plan(facts(**host), **wish)
    many = plan(facts(**{**host, "generation": host["generation"] * times}), **wish)
    assert one == many


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=3))
@settings(max_examples=50, deadline=None)
def test_facts_that_are_missing_are_refused_not_tripped_over(noise):
    made = plan({"noise": noise, "found_gpus": 1})
    assert [reason["code"] for reason in made["blocked"]] == ["os", "architecture"]
