# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""What promtool and amtool are asked about rendered objects, and what their answers mean. No I/O here."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._types import Manifest

ALERTMANAGER_KEY = "alertmanager.yaml"

_PLACEHOLDER = re.compile(
    r"YOUR[_/-]\w+|<[A-Za-z][^>\s]*>|CHANGE[_-]?ME|REPLACE[_-]?ME|\bTODO\b|^x{4,}$", re.IGNORECASE
)
_SEED_PLACEHOLDER = re.compile(r"YOUR_[A-Z_]+|YOUR/SLACK/WEBHOOK")
_URL = re.compile(r"https?://[^\s/]+\S*")
_RULE_ERROR = re.compile(
    r"^(?P<file>\S*?rules-\d+\.yaml): (?:\d+:\d+: )?"
    r'(?:group "(?P<group>[^"]*)", rule \d+, "(?P<rule>[^"]*)": )?(?:yaml: unmarshal errors:)?(?P<message>.+)$'
)
_NOISE = re.compile(r"^\s*$|^Checking |^amtool: error: |^\s*(SUCCESS|FAILED):?|\d+ rules found$")


@dataclass(frozen=True)
class RuleFile:
    """One PrometheusRule as a file that promtool reads."""

    filename: str
    subject: str
    text: str
    rules: int


@dataclass(frozen=True)
class AlertmanagerConfig:
    """The configuration that a Secret carries."""

    subject: str
    text: str


def _subject(manifest: Manifest) -> str:
    where = manifest.source + ": " if manifest.source else ""
    return "%s%s %s" % (where, manifest.id.kind, manifest.id.name)


def rule_files(manifests: Sequence[Manifest]) -> List[RuleFile]:
    """Turn every PrometheusRule into a rule file (JSON, which is YAML)."""
    found: List[RuleFile] = []
    for manifest in manifests:
        if manifest.id.kind != "PrometheusRule":
            continue
        groups = (manifest.body.get("spec") or {}).get("groups") or []
        # partial_response_strategy is for ThanosRuler: Prometheus does not know it.
        groups = [
            {key: value for key, value in group.items() if key != "partial_response_strategy"} for group in groups
        ]
        found.append(
            RuleFile(
                filename="rules-%d.yaml" % len(found),
                subject=_subject(manifest),
                text=json.dumps({"groups": groups}),
                rules=sum(len(group.get("rules") or []) for group in groups),
            )
        )
    return found


def split(files: Sequence[RuleFile]) -> List[RuleFile]:
    """Cut files into one per group (without rules) and one per rule, to find which one promtool means.

    promtool names no rule where the YAML itself can't be read, as with a misspelt field or a bad duration.
    """
    found: List[RuleFile] = []

    def add(subject: str, group: Mapping[str, Any], rules: List[Any]) -> None:
        text = json.dumps({"groups": [{**group, "rules": rules}]})
        found.append(RuleFile("rules-%d.yaml" % len(found), subject, text, len(rules)))

    for file in files:
        for group in json.loads(file.text)["groups"]:
            where = "%s, group %s" % (file.subject, group.get("name"))
            add(where, group, [])
            for rule in group.get("rules") or []:
                add(
                    "%s, rule %s" % (where, rule.get("alert") or rule.get("record")),
                    {"name": group.get("name")},
                    [rule],
                )
    return found


def rule_errors(files: Sequence[RuleFile], output: str) -> List[str]:
    """Read promtool's complaints: each names the template, the object, the rule and what is wrong."""
    by_name = {file.filename: file for file in files}
    errors: List[str] = []
    for line in output.splitlines():
        match = _RULE_ERROR.match(line.strip())
        if match:
            file = by_name.get(match["file"].rpartition("/")[2])
            where = file.subject if file else match["file"]
            if match["rule"] is not None and ", rule " not in where:
                where += ", group %s, rule %s" % (match["group"], match["rule"])
            errors.append("%s: %s" % (where, match["message"]))
        elif not _NOISE.search(line):
            if errors:
                errors[-1] += " " + line.strip()
            else:
                errors.append(line.strip())
    return list(dict.fromkeys(errors))


def precise(errors: Sequence[str]) -> bool:
    """True where every complaint names its rule."""
    return all(", rule " in error for error in errors)


def alertmanager_configs(manifests: Sequence[Manifest]) -> List[AlertmanagerConfig]:
    """Find the Secrets that carry an Alertmanager configuration."""
    found = []
    for manifest in manifests:
        if manifest.id.kind != "Secret":
            continue
        text = (manifest.body.get("stringData") or {}).get(ALERTMANAGER_KEY)
        if text is None:
            encoded = (manifest.body.get("data") or {}).get(ALERTMANAGER_KEY)
            text = base64.b64decode(encoded).decode("utf-8") if encoded else None
        if text is not None:
            found.append(AlertmanagerConfig(subject=_subject(manifest), text=text))
    return found


def config_errors(config: AlertmanagerConfig, output: str) -> str:
    """Read amtool's complaint about a configuration as one line."""
    text = output.partition("FAILED:")[2] or output
    lines = [line.strip() for line in text.splitlines() if not _NOISE.search(line)]
    return "%s: %s" % (config.subject, " ".join(lines) or "amtool refused it without a reason")


def placeholder_in(config: AlertmanagerConfig) -> Optional[str]:
    """Name a placeholder of the reference architecture that is still in a configuration."""
    match = _SEED_PLACEHOLDER.search(config.text)
    if match is None:
        return None
    return "%s: it still has the placeholder %s; give the credential as a Secret or a vaulted variable" % (
        config.subject,
        match.group(0),
    )


def credential_error(name: str, value: Any) -> Optional[str]:
    """Say what is wrong with a credential variable, without its value.

    A dictionary refers to a key of an existing Secret; a string is the credential; empty means not used.
    """
    if not value:
        return None
    if isinstance(value, Mapping):
        if set(value) == {"name", "key"} and all(isinstance(part, str) and part for part in value.values()):
            return None
        return "%s must have exactly name and key, of an existing Secret" % name
    if not isinstance(value, str):
        return "%s must be a string" % name
    if _PLACEHOLDER.search(value):
        return "%s is a placeholder; set the real credential, or leave it empty to go without" % name
    if re.search(r"\s", value):
        return "%s has white space in it; is there a line break at its end?" % name
    if name.endswith("_url") and not _URL.fullmatch(value):
        return "%s must be an http or https address" % name
    return None


def credential_errors(credentials: Mapping[str, Any]) -> List[str]:
    """Say what is wrong with credential variables, all at once."""
    named = (credential_error(name, value) for name, value in credentials.items())
    return [error for error in named if error]


def label_arguments(labels: Mapping[str, Any]) -> List[str]:
    """Write labels the way amtool takes them: ``name="value"``."""
    return ["%s=%s" % (name, json.dumps(str(value), ensure_ascii=False)) for name, value in sorted(labels.items())]


def case_error(case: Mapping[str, Any], reached: Sequence[str]) -> Optional[str]:
    """Compare the receivers an alert reached with those it must and must not reach."""
    missing = [name for name in case.get("receivers") or [] if name not in reached]
    wrong = [name for name in case.get("never") or [] if name in reached]
    if not missing and not wrong:
        return None
    parts = []
    if missing:
        parts.append("does not reach " + ", ".join(missing))
    if wrong:
        parts.append("must not reach " + ", ".join(wrong))
    return "routing case %s: %s; it reaches %s" % (
        " ".join(label_arguments(case["labels"])),
        " and ".join(parts),
        ", ".join(reached) or "nobody",
    )


def receivers_of(output: str) -> List[str]:
    """Read the receivers from the answer of ``amtool config routes test``."""
    return [name.strip() for name in output.strip().splitlines()[-1:] for name in name.split(",") if name.strip()]


def silent_receivers(config: Mapping[str, Any]) -> List[str]:
    """Name the receivers that have no way to notify anybody."""
    return [
        str(receiver.get("name"))
        for receiver in config.get("receivers") or []
        if not any(key.endswith("_configs") and value for key, value in receiver.items())
    ]


def silence_warning(case: Mapping[str, Any], reached: Sequence[str], silent: Sequence[str]) -> Optional[str]:
    """Warn about an alert whose every receiver is silent."""
    if any(name not in silent for name in reached):
        return None
    return "the alert %s reaches nobody: %s has no credentials" % (
        " ".join(label_arguments(case["labels"])),
        ", ".join(reached) or "its receiver",
    )


def redact(text: str, credentials: Mapping[str, Any]) -> str:
    """Remove the values of credentials from a message."""
    for value in credentials.values():
        if isinstance(value, str) and len(value) > 3:
            text = text.replace(value, "********")
    return text


def missing_tool_warning(tool: str, variable: str, subject: str) -> str:
    """Say that a check was left out because its tool is not there."""
    return "%s was not found on PATH and %s is not set: %s not checked before the rollout" % (tool, variable, subject)


def summary(files: Sequence[RuleFile], cases: Sequence[Any], tools: Mapping[str, Tuple[str, bool]]) -> Dict[str, Any]:
    """Count what was looked at."""
    return {
        "rules": sum(file.rules for file in files),
        "routing_cases": len(cases),
        "tools": {name: path for name, (path, found) in tools.items() if found},
    }
