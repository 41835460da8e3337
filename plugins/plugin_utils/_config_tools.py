# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""promtool and amtool on the controller: found, fed with files only we can read, asked, and cleaned up after."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils import _config_check as check
from ansible_collections.openhands.gpu_observability.plugins.module_utils import _peer_timeout
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import RolloutError
from ansible_collections.openhands.gpu_observability.plugins.module_utils._loader import documents
from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest

TIMEOUT = 60
"""Seconds a tool may take for one question."""


class ToolError(Exception):
    """A tool was named that cannot be run."""


@dataclass
class Report:
    """What the checks found."""

    errors: List[str] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    summary: Dict[str, Any] = field(default_factory=dict)


def find_tool(name: str, given: str) -> Optional[str]:
    """Return the path of a tool, or None where none was given and PATH has none; raises ToolError."""
    if not given:
        return shutil.which(name)
    path = os.path.expanduser(given)
    if not os.access(path, os.X_OK) or os.path.isdir(path):
        raise ToolError("platform_%s is %s, which is not a program on this controller" % (name, given))
    return path


def ask(command: Sequence[str]) -> Tuple[int, str]:
    """Run a tool without a shell; return its exit status and everything it wrote."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise ToolError("%s could not be run: %s" % (command[0], exc)) from exc
    return done.returncode, done.stdout.decode("utf-8", "replace")


def write(folder: str, filename: str, text: str) -> str:
    """Write a file that only its owner can read; the folder is made by mkdtemp and so is private too."""
    path = os.path.join(folder, filename)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
    return path


def run(
    manifests: Sequence[Manifest],
    cases: Sequence[Mapping[str, Any]],
    credentials: Mapping[str, Any],
    promtool: str = "",
    amtool: str = "",
) -> Report:
    """Check everything and report it all at once; raises ToolError."""
    report = Report()
    files = check.rule_files(manifests)
    configs = check.alertmanager_configs(manifests)
    placeholders = (check.placeholder_in(config) for config in configs)
    report.errors += [error for error in placeholders if error]
    contents = [_content(config) for config in configs]
    report.errors += _peer_timeout.errors(manifests, contents)
    tools = {"promtool": find_tool("promtool", promtool), "amtool": find_tool("amtool", amtool)}
    with tempfile.TemporaryDirectory(prefix="config-check-") as folder:
        if files:
            _check_rules(report, files, tools["promtool"], folder)
        for index, (config, content) in enumerate(zip(configs, contents)):
            path = write(folder, "alertmanager-%d.yaml" % index, config.text)
            if tools["amtool"] is None:
                subject = "the Alertmanager configuration and %d routing cases were" % len(cases)
                report.warnings.append(check.missing_tool_warning("amtool", "platform_amtool", subject))
                continue
            status, output = ask([tools["amtool"], "check-config", path])
            if status == 0:
                _check_routes(report, check.silent_receivers(content), path, cases, tools["amtool"])
            else:
                report.errors.append(check.config_errors(config, output))
    report.errors = [check.redact(error, credentials) for error in report.errors]
    report.warnings = [check.redact(warning, credentials) for warning in report.warnings]
    report.summary = check.summary(files, cases, {name: (path or "", bool(path)) for name, path in tools.items()})
    return report


def _content(config: check.AlertmanagerConfig) -> Mapping[str, Any]:
    """A configuration as data; empty where it can't be read, which amtool tells."""
    try:
        found: Any = next((document for document, _line in documents(config.text, config.subject)), {})
    except RolloutError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _check_rules(report: Report, files: Sequence[check.RuleFile], tool: Optional[str], folder: str) -> None:
    count = sum(file.rules for file in files)
    if tool is None:
        report.warnings.append(check.missing_tool_warning("promtool", "platform_promtool", "%d rules were" % count))
        return
    errors = _ask_promtool(tool, files, os.path.join(folder, "files"))
    if errors and not check.precise(errors):
        errors = _ask_promtool(tool, check.split(files), os.path.join(folder, "rules")) or errors
    report.errors += errors


def _ask_promtool(tool: str, files: Sequence[check.RuleFile], folder: str) -> List[str]:
    os.mkdir(folder, 0o700)
    paths = [write(folder, file.filename, file.text) for file in files]
    status, output = ask([tool, "check", "rules", *paths])
    if status == 0:
        return []
    return check.rule_errors(files, output) or ["promtool refused the rules without a reason: status %d" % status]


def _check_routes(
    report: Report, silent: Sequence[str], path: str, cases: Sequence[Mapping[str, Any]], tool: str
) -> None:
    """Whether each case reaches whom it must. silent: receivers that tell nobody."""
    for case in cases:
        labels = check.label_arguments(case["labels"])
        status, output = ask([tool, "config", "routes", "test", "--config.file=" + path, *labels])
        reached = check.receivers_of(output) if status == 0 else []
        error = check.case_error(case, reached)
        if status != 0:
            error = "routing case %s: %s" % (" ".join(labels), " ".join(output.split()))
        if error:
            report.errors.append(error)
            continue
        warning = check.silence_warning(case, reached, silent)
        if warning:
            report.warnings.append(warning)
