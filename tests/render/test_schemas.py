# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every custom resource, with default and alternative inputs, against the definitions of both locked releases."""

from __future__ import annotations

import pytest
from render.conftest import definitions
from render.inputs import CASES, WITHOUT_RULES
from render.schema import faults


@pytest.mark.parametrize("version", ["0.93.0", "0.92.1"])
@pytest.mark.parametrize(("role", "variables"), CASES)
def test_custom_resources_fit_their_definitions(objects, role, variables, version):
    schemas = definitions(version)
    checked = 0
    for (kind, name), body in objects(role, **variables).items():
        if kind in schemas:
            checked += 1
            assert list(faults(schemas[kind], body)) == [], f"{kind} {name}"
    assert bool(checked) == (role not in WITHOUT_RULES)


def test_the_reader_of_schemas_sees_faults():
    schema = {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer"},
            "kind2": {"type": "string", "enum": ["a"]},
            "p": {"pattern": "^x$"},
        },
    }
    assert list(faults(schema, {"size": "2", "kind2": "b", "p": "y", "more": 1})) == [
        ".size: expected integer, found '2'",
        ".kind2: 'b' is none of ['a']",
        ".p: 'y' does not match ^x$",
        ".more: unknown",
    ]
    assert list(faults(schema, {})) == [".size: required"]
    assert list(faults({"type": "integer"}, True)) == [": expected integer, found True"]
