# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a PromQL expression selects, and what a monitor's relabeling lets through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import promql_parser

Labels = dict[str, str]


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """Every series selector in an expression."""
    return list(_selectors(promql_parser.parse(expression)))


def _selectors(node: promql_parser.Expr) -> Iterator[promql_parser.VectorSelector]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    elif isinstance(node, promql_parser.MatrixSelector):
        yield node.vector_selector
    elif isinstance(node, promql_parser.BinaryExpr):
        yield from _selectors(node.lhs)
        yield from _selectors(node.rhs)
    elif isinstance(node, promql_parser.Call):
        for argument in node.args:
            yield from _selectors(argument)
    elif isinstance(
        node,
        (promql_parser.AggregateExpr, promql_parser.ParenExpr, promql_parser.UnaryExpr, promql_parser.SubqueryExpr),
    ):
        yield from _selectors(node.expr)
    elif not isinstance(node, (promql_parser.NumberLiteral, promql_parser.StringLiteral)):
        raise TypeError(f"a kind of expression this does not look into: {type(node).__name__}")


def matchers(selector: promql_parser.VectorSelector) -> list[tuple[str, str, str]]:
    """Label, operator and value of each matcher."""
    return [(found.name, str(found.op).rpartition(".")[2], found.value) for found in selector.matchers.matchers]


def relabeled(labels: Labels, configs: Sequence[Mapping[str, Any]]) -> Labels | None:
    """The labels after metricRelabelings; None where the series is dropped. Covers the actions our monitors use."""
    found = dict(labels)
    for config in configs:
        action = str(config.get("action", "replace")).lower()
        pattern = re.compile(f"^(?:{config.get('regex', '(.*)')})$", re.DOTALL)
        joined = config.get("separator", ";").join(found.get(name, "") for name in config.get("sourceLabels", []))
        match = pattern.match(joined)
        if (action == "keep" and not match) or (action == "drop" and match):
            return None
        if action == "labeldrop":
            found = {name: value for name, value in found.items() if not pattern.match(name)}
        elif action == "replace" and match:
            template = str(config.get("replacement", "$1"))
            found[config["targetLabel"]] = match.expand(re.sub(r"\$\{?(\d+)\}?", r"\\\1", template))
        elif action not in {"keep", "drop", "labeldrop", "replace"}:
            raise ValueError(f"a relabeling this does not know: {action}")
    return found
