# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same objects through rollout, kubernetes.core.k8s and kubectl apply, side by side in one run (make bench).

Every contender has a namespace of its own on the lab's API server. Cold is the first time, no-change the median of
further ones. Times are of whole processes; an ansible-playbook that does nothing is timed too, to be subtracted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import objects
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STATE = Path(os.environ.get("GPU_OBSERVABILITY_LAB_STATE", "/var/lib/openhands-gpu-observability-lab"))
KUBECONFIG = STATE / "kubeconfig"
KUBECTL = (str(STATE / "bin" / "kubectl"), f"--kubeconfig={KUBECONFIG}")
REPEATS = {"k8s-loop": 1}
"""How often no-change is measured, where three times would take minutes."""
OURS = "rollout"


def playbook(file: Path, namespace: str, contender: str) -> tuple[str, ...]:
    """The command of an Ansible contender; its tasks are in contenders.yml, chosen by tag."""
    given = {"bench_file": str(file), "bench_namespace": namespace, "bench_kubeconfig": str(KUBECONFIG)}
    return (
        "ansible-playbook",
        "-i",
        "localhost,",
        str(HERE / "contenders.yml"),
        "--tags",
        contender,
        "-e",
        json.dumps(given),
    )


def kubectl_apply(file: Path, namespace: str, _contender: str) -> tuple[str, ...]:
    """The command of kubectl."""
    return (*KUBECTL, "apply", "--server-side", f"--namespace={namespace}", "-f", str(file))


CONTENDERS = {
    OURS: playbook,
    "k8s-multi": playbook,
    "k8s-loop": playbook,
    "kubectl": kubectl_apply,
}


@dataclass(frozen=True)
class Timing:
    """Seconds of one contender on one set."""

    contender: str
    cold: float
    unchanged: float


def seconds(command: tuple[str, ...]) -> float:
    """How long a command takes; what it says is shown when it fails."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        raise SystemExit(message)
    return time.monotonic() - started


def fresh_namespace(name: str) -> None:
    """An empty namespace, whatever an earlier run left."""
    seconds((*KUBECTL, "delete", "namespace", name, "--ignore-not-found", "--wait", "--timeout=120s"))
    seconds((*KUBECTL, "create", "namespace", name))


def measure(contender: str, manifests: list[dict], folder: Path) -> Timing:
    """Apply a set for the first time and again."""
    namespace = f"bench-{contender}"
    fresh_namespace(namespace)
    file = folder / f"{contender}.yaml"
    file.write_text(yaml.safe_dump_all([objects.placed(item, namespace) for item in manifests]), encoding="utf-8")
    command = CONTENDERS[contender](file, namespace, contender)
    cold = seconds(command)
    unchanged = statistics.median(seconds(command) for _ in range(REPEATS.get(contender, 3)))
    seconds((*KUBECTL, "delete", "namespace", namespace, "--wait=false"))
    return Timing(contender, cold, unchanged)


def table(name: str, count: int, timings: list[Timing]) -> str:
    """One line per contender, with its ratio to ours."""
    ours = next(timing for timing in timings if timing.contender == OURS)
    lines = [f"{name}: {count} objects", f"  {'':<12}{'cold':>9}{'':>8}{'no change':>11}"]
    for timing in timings:
        cold, unchanged = timing.cold / ours.cold, timing.unchanged / ours.unchanged
        lines.append(
            f"  {timing.contender:<12}{timing.cold:8.2f}s{cold:7.1f}x{timing.unchanged:10.2f}s{unchanged:7.1f}x"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure every contender on every set."""
    if not KUBECONFIG.exists():
        print(f"bench: there is no lab ({KUBECONFIG} is missing): make lab")
        return 1
    folder = ROOT / "reports" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    sets = {"configmaps": objects.config_maps(50), "core-stack": objects.core_stack(KUBECTL)}
    result: dict[str, object] = {"start": seconds(playbook(folder / "none", "default", "nothing"))}
    print(f"ansible-playbook that does nothing: {result['start']:.2f}s", flush=True)
    for name, manifests in sets.items():
        if not manifests:
            print(f"{name}: nothing to compare (is the stack rolled out? make lab)")
            continue
        timings = [measure(contender, manifests, folder) for contender in CONTENDERS]
        result[name] = {"objects": len(manifests), **{timing.contender: vars(timing) for timing in timings}}
        print(table(name, len(manifests), timings), flush=True)
    (folder / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print("written: reports/bench/result.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
