# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Templates of the calling role to manifests, on the controller."""

from __future__ import annotations

import glob
import os
import re
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.template import trust_as_template
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _loader
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, Problem
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest
from ansible_collections.openhands.gpu_observability.plugins.plugin_utils._plain import plain
from jinja2 import TemplateSyntaxError

ANGLE_SUFFIX = ".angle.yaml.j2"
"""Files with this ending keep ``{{ }}`` for Prometheus and use ``<< >>``, ``<% %>`` and ``<# #>`` themselves."""

ANGLE: Dict[str, Any] = {
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "block_start_string": "<%",
    "block_end_string": "%>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
    "trim_blocks": True,
    "lstrip_blocks": True,
}
PLAIN: Dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True}


def find(patterns: Sequence[str], folder: Optional[str]) -> List[str]:
    """Names of the templates that the patterns mean, each once; a pattern that means none is a problem."""
    if not patterns:
        return []
    if folder is None:
        text = "templates are looked up in the calling role, and this task isn't in one: use manifests instead"
        raise InvalidInput([Problem(text, "templates")])
    found: List[str] = []
    problems = []
    for pattern in patterns:
        full = os.path.normpath(os.path.join(folder, pattern))
        if not full.startswith(folder + os.sep):
            problems.append(Problem("leads out of the role's templates folder", "templates", pattern))
            continue
        matches = sorted(path for path in glob.glob(full, recursive=True) if os.path.isfile(path))
        if not matches:
            problems.append(Problem("no such template: %s" % full, "templates", pattern))
        found += [os.path.relpath(path, folder) for path in matches]
    if problems:
        raise InvalidInput(problems)
    return list(dict.fromkeys(found))


def of_role(task: Any, templar: Any, patterns: Sequence[str], variables: Mapping[str, Any]) -> List[Manifest]:
    """Render templates of the role that a task is in: there, and nowhere else, they are looked up."""
    role = task._role  # noqa: SLF001 (no public name)
    folder = os.path.join(role._role_path, "templates") if role is not None else None  # noqa: SLF001 (likewise)
    names = find(patterns, folder)
    if folder is None:
        return []
    return render(templar, names, folder, variables, os.path.join("roles", role.get_name(), "templates"))


def render(
    templar: Any, names: Iterable[str], folder: str, variables: Mapping[str, Any], shown: str = "templates"
) -> List[Manifest]:
    """Render templates to manifests; each error names the template and, where known, the line."""
    searching = templar.copy_with_new_env(searchpath=[folder], available_variables=variables)
    manifests: List[Manifest] = []
    for name in names:
        source = os.path.join(shown, name)
        result = _template(searching, os.path.join(folder, name), source)
        if isinstance(result, str):
            manifests += _loader.load(result, source, lines_of(result))
        elif result is not None:
            manifests += _loader.flatten(result, source)
    return manifests


def _template(templar: Any, path: str, source: str) -> Any:
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    overrides = ANGLE if path.endswith(ANGLE_SUFFIX) else PLAIN
    try:
        return plain(templar.template(trust_as_template(mark(text)), overrides=overrides, escape_backslashes=False))
    except AnsibleError as exc:
        message = _message(exc)
        line = line_of(exc)
        others: List[int] = []
        if not line:
            line, others = named_on(message, text)
        where = "%s:%d" % (source, line) if line else source
        also = " (also named on line %s)" % ", ".join(map(str, others)) if others else ""
        raise InvalidInput([Problem(message + also, where)]) from exc


_UNDEFINED = re.compile(r"'(?P<name>[^']+)' is undefined|has no (?:attribute|element) '?(?P<member>[^'\s]+?)'?(?:\s|$)")


def named_on(message: str, text: str) -> Tuple[int, List[int]]:
    """Lines of a template that name what is undefined: Ansible finds that out only after the template has run."""
    match = _UNDEFINED.search(message)
    if match is None:
        return 0, []
    name = match.group("name") or match.group("member")
    before = r"(?<![\w.])" if match.group("name") else r"(?:\.|\[['\"]?)"
    pattern = re.compile(before + re.escape(name) + r"(?!\w)")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
    return (lines[0], lines[1:]) if lines else (0, [])


_SEPARATOR = re.compile(r"^---[ \t]*$", re.MULTILINE)
_MARK = "# template line "


def mark(text: str) -> str:
    """Write its line behind each document separator, so that it is known after rendering too."""
    return _SEPARATOR.sub(lambda match: "--- %s%d" % (_MARK, text.count("\n", 0, match.start()) + 1), text)


def lines_of(rendered: str) -> Callable[[int], int]:
    """Map a line of the rendered text to the template's, counted from the last separator before it."""
    marks = [(0, 0)]
    for number, line in enumerate(rendered.splitlines(), 1):
        if line.startswith("--- " + _MARK):
            marks.append((number, int(line[len("--- " + _MARK) :])))

    def look_up(line: int) -> int:
        number, original = max(entry for entry in marks if entry[0] <= line)
        return original + line - number

    return look_up


def line_of(exc: BaseException) -> int:
    """The template's line from Jinja's syntax error or from the rewritten traceback; 0 where unknown."""
    seen: Optional[BaseException] = exc
    line = 0
    while seen is not None:
        if isinstance(seen, TemplateSyntaxError):
            line = line or int(seen.lineno or 0)
        trace = seen.__traceback__
        while trace is not None:
            # Jinja gives the frames of a template its own line numbers and one of these names.
            if trace.tb_frame.f_code.co_filename in ("<template>", "<unknown>"):
                line = line or trace.tb_lineno
            trace = trace.tb_next
        seen = seen.__cause__ or seen.__context__
    return line


_SPACE = re.compile(r"\s+")


def _message(exc: AnsibleError) -> str:
    kind = "undefined variable" if isinstance(exc, AnsibleUndefinedVariable) else "can't be rendered"
    text = str(getattr(exc, "message", "") or exc)
    return "%s: %s" % (kind, _SPACE.sub(" ", text).strip().rstrip("."))
