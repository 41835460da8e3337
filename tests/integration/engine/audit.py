# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an API server itself says was done to it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*"]},
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {"level": "Metadata"},
    ],
}


class Audit:
    """A kube-apiserver's audit log of calls other than reads."""

    def __init__(self, folder: Path) -> None:
        self.policy, self.log = folder / "audit-policy.json", folder / "audit.log"
        self.policy.write_text(json.dumps(POLICY), encoding="utf-8")
        self._position = 0

    @property
    def arguments(self) -> list[str]:
        """Flags for kube-apiserver; each event is in the file before its answer is sent."""
        return [
            f"--audit-policy-file={self.policy}",
            f"--audit-log-path={self.log}",
            "--audit-log-mode=blocking-strict",
        ]

    def news(self) -> list[dict[str, Any]]:
        """Events since the last call."""
        with self.log.open("rb") as stream:
            stream.seek(self._position)
            raw = stream.read()
        whole = raw.rpartition(b"\n")[0]
        self._position += len(whole) + 1 if whole else 0
        return [json.loads(line) for line in whole.splitlines() if line]

    def writes(self, agent: str = "openhands.gpu_observability") -> Counter[str]:
        """Path to successful writes by a client since the last call; dry runs and questions about rights are none."""
        return Counter(
            event["requestURI"].partition("?")[0]
            for event in self.news()
            if event.get("userAgent") == agent
            and "dryRun=" not in event["requestURI"]
            and event.get("objectRef", {}).get("apiGroup") != "authorization.k8s.io"
            and event.get("responseStatus", {}).get("code", 500) < 400
        )
