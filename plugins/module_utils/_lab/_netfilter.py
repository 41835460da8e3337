# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Which packet filter rules are a lab's, and the text that takes exactly them away."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, Set, Tuple

SHARED_CNI = "CNI-HOSTPORT-"
"""Chains that every CNI network of a machine uses together; they go with the last rule in them."""


@dataclass
class Table:
    """One table of ``iptables-save``: its chains (user-made ones only) and its rules in order."""

    name: str
    chains: List[str] = field(default_factory=list)
    rules: List[Tuple[str, str]] = field(default_factory=list)
    """Chain, and the rule without its ``-A <chain>``."""


def parse(text: str) -> List[Table]:
    """Read the output of ``iptables-save``."""
    tables: List[Table] = []
    for line in text.splitlines():
        if line.startswith("*"):
            tables.append(Table(line[1:].strip()))
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            if policy == "-":
                tables[-1].chains.append(name)
        elif line.startswith("-A "):
            _append, chain, rule = line.split(" ", 2)
            tables[-1].rules.append((chain, rule))
    return tables


def removal(text: str, network: str, kubernetes: bool) -> str:
    """Input for ``iptables-restore --noflush`` that removes what a lab made; empty when there is nothing of it.

    ``network`` is the name of its CNI network. ``kubernetes`` says whether kube-proxy's and kubelet's chains go as
    well: they must stay while another cluster's node agents use them.
    """
    return "".join(_of_table(table, network, kubernetes) for table in parse(text))


def _of_table(table: Table, network: str, kubernetes: bool) -> str:
    doomed = _doomed_chains(table, network, kubernetes)
    mark = f'name: \\"{network}\\" id:'
    lines: List[str] = []
    for chain, rule in table.rules:
        if chain not in doomed and (_target(rule) in doomed or mark in rule):
            lines.append(f"-D {chain} {rule}")
    if not doomed and not lines:
        return ""
    # Naming a chain empties it, and an empty chain without references can go.
    declared = [f":{chain} - [0:0]" for chain in table.chains if chain in doomed]
    gone = [f"-X {chain}" for chain in table.chains if chain in doomed]
    return "\n".join([f"*{table.name}", *declared, *lines, *gone, "COMMIT", ""])


def _doomed_chains(table: Table, network: str, kubernetes: bool) -> Set[str]:
    doomed = {chain for chain in table.chains if kubernetes and chain.startswith("KUBE-")}
    mark = f'name: \\"{network}\\" id:'
    for chain, rule in table.rules:
        target = _target(rule)
        if mark in rule and target.startswith("CNI-") and not target.startswith(SHARED_CNI):
            doomed.add(target)
        if mark in rule and chain.startswith("CNI-") and not chain.startswith(SHARED_CNI):
            doomed.add(chain)
    shared = {chain for chain in table.chains if chain.startswith(SHARED_CNI)}
    if shared and not any(True for _rule in _of_others(table, shared, doomed, mark)):
        doomed |= shared
    return doomed


def _of_others(table: Table, shared: Set[str], doomed: Set[str], mark: str) -> Iterator[str]:
    """Port mappings of other networks that go through the shared chains."""
    for chain, rule in table.rules:
        target = _target(rule)
        if chain in shared and target.startswith("CNI-DN-") and target not in doomed and mark not in rule:
            yield rule


def _target(rule: str) -> str:
    found = re.search(r"(?:^| )-[jg] (\S+)", rule)
    return found.group(1) if found else ""


def count(text: str) -> Dict[str, int]:
    """Number of user-made chains per table, for messages."""
    return {table.name: len(table.chains) for table in parse(text)}
