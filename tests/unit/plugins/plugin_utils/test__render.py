# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates to manifests."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils import _render
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils._plain import plain


def rendered(folder, name, text, **variables):
    (folder / name).write_text(text)
    return _render.render(Templar(loader=DataLoader()), [name], str(folder), variables)


def test_plain_templates_use_braces(tmp_path):
    (manifest,) = rendered(tmp_path, "a.yaml.j2", "kind: {{ kind }}\n", kind="A")
    assert manifest.body == {"kind": "A"}
    assert type(manifest.body["kind"]) is str
    assert manifest.source == "templates/a.yaml.j2"


def test_angle_templates_leave_braces_alone(tmp_path):
    text = '<# note #>kind: A\n<% for n in [1] %>\nexpr: "{{ $labels.x }} << kind >>"\n<% endfor %>\n'
    (manifest,) = rendered(tmp_path, "a.angle.yaml.j2", text, kind="B")
    assert manifest.body == {"kind": "A", "expr": "{{ $labels.x }} B"}


def test_backslashes_survive(tmp_path):
    (manifest,) = rendered(tmp_path, "a.yaml.j2", "kind: 'a\\.b{{ 'c\\.d' }}'\n")
    assert manifest.body["kind"] == "a\\.bc\\.d"


def test_a_template_may_be_one_list(tmp_path):
    manifests = rendered(tmp_path, "a.yaml.j2", "{{ objects }}", objects=[{"kind": "A"}, {"kind": "B"}])
    assert [m.body["kind"] for m in manifests] == ["A", "B"]


def test_a_template_may_include_its_neighbour(tmp_path):
    (tmp_path / "part.j2").write_text("kind: A\n")
    (manifest,) = rendered(tmp_path, "a.yaml.j2", "{% include 'part.j2' %}\n")
    assert manifest.body == {"kind": "A"}


def test_a_template_may_render_nothing(tmp_path):
    assert rendered(tmp_path, "a.yaml.j2", "{% if false %}\nkind: A\n{% endif %}\n") == []


def test_documents_know_their_line_in_the_template(tmp_path):
    text = "{% for n in range(5) %}\n---\n# c\nkind: A{{ n }}\n{% endfor %}\n---\n\nkind: B\n"
    lines = {m.body["kind"]: m.line for m in rendered(tmp_path, "a.yaml.j2", text)}
    assert lines == {**{"A%d" % n: 4 for n in range(5)}, "B": 8}


@pytest.mark.parametrize(
    ("message", "text", "expected"),
    [
        ("'x' is undefined", "a\n{{ x }}\n{{ x.y }} {{ ax }}\n", (2, [3])),
        ("object of type 'dict' has no attribute 'y'", "a.yy\n{{ x.y }}\n{{ x['y'] }}\n", (2, [3])),
        ("'x' is undefined", "nothing\n", (0, [])),
        ("something else", "x\n", (0, [])),
    ],
)
def test_lines_that_name_what_is_undefined(message, text, expected):
    assert _render.named_on(message, text) == expected


def test_an_undefined_variable_names_every_place(tmp_path):
    with pytest.raises(InvalidInput) as caught:
        rendered(tmp_path, "a.yaml.j2", "a: 1\nb: {{ x }}\nc: {{ x }}\n")
    assert caught.value.message.startswith("templates/a.yaml.j2:2: undefined variable: 'x' is undefined (also named on")


def test_a_filter_that_fails_names_the_template(tmp_path):
    with pytest.raises(InvalidInput, match=r"templates/a\.yaml\.j2(:2)?: can't be rendered"):
        rendered(tmp_path, "a.yaml.j2", "a: 1\nb: {{ 'x' | from_json }}\n")


def test_templates_are_found_in_the_role_only(tmp_path):
    folder = tmp_path / "templates"
    (folder / "sub").mkdir(parents=True)
    for name in ("b.yaml.j2", "a.yaml.j2", "sub/c.yaml.j2"):
        (folder / name).write_text("")
    (tmp_path / "outside.yaml.j2").write_text("")
    assert _render.find(["a.yaml.j2", "*.yaml.j2", "sub/*"], str(folder)) == ["a.yaml.j2", "b.yaml.j2", "sub/c.yaml.j2"]
    assert _render.find([], None) == []
    with pytest.raises(InvalidInput) as caught:
        _render.find(["none.yaml.j2", "../outside.yaml.j2"], str(folder))
    assert "leads out of the role's templates folder" in caught.value.message
    assert "no such template: %s" % (folder / "none.yaml.j2") in caught.value.message
    with pytest.raises(InvalidInput, match="isn't in one"):
        _render.find(["a"], None)


def test_plain_data_has_plain_types():
    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    class Odd:
        def __str__(self):
            return "odd"

    given = {Text("a"): [Text("b"), Number(1), 1.5, True, None, Odd(), ("x",)], 1: {}}
    found = plain(given)
    assert found == {"a": ["b", 1, 1.5, True, None, "odd", ["x"]], 1: {}}
    assert [type(item) for item in found["a"]] == [str, int, float, bool, type(None), str, list]
    assert all(type(key) in (str, int) for key in found)
