# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each make goal does: steps as data. How they are run is in steps.py."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

COLLECTION = "ansible_collections.openhands.gpu_observability"
PLAYBOOK = ("ansible-playbook", "-i", "inventories/lab")
# The day-2 test moves Prometheus from this version to the lock's.
# Tests of scale have kwok's nodes; a lab for a person doesn't build it.
FOR_TESTS = '{"lab_prometheus_extra_versions": ["3.13.5"], "lab_test_tools": ["kwok"]}'


@dataclass(frozen=True)
class Step:
    """One command with a name.

    Attributes:
        name: What one types after `make step NAME=`.
        about: What it shows, in a few words.
        command: Program and arguments; {reports} and {root} are filled in.
        venv: The pinned set it runs in.
        live: Output is shown as it comes instead of only on failure.
        needs: Steps of the same goal without which this one means nothing.
        always: Runs even when an earlier step that it needs failed (cleaning up).
        lab: Uses this machine's lab, of which there is one.
        beside: Runs beside the steps that follow it, one such step at a time; cleaning up waits for it.
        paths: Folders or files of which at least one has to exist, or the step has nothing to look at.
        env: Environment variables on top.
    """

    name: str
    about: str
    command: tuple[str, ...]
    venv: str = "dev"
    live: bool = False
    needs: tuple[str, ...] = ()
    always: bool = False
    lab: bool = False
    beside: bool = False
    paths: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)


def _pytest(name: str, about: str, *paths: str, **more: object) -> Step:
    report = "--junitxml={reports}/" + name + ".xml"
    arguments = more.pop("arguments", ())
    # A line per test is what a person who waits can follow.
    shown = "-v" if more.get("live") else "-q"
    return Step(name, about, ("pytest", shown, report, *arguments, *paths), paths=paths, **more)  # type: ignore[arg-type]


LINT = (
    Step("ruff", "Python style and mistakes", ("ruff", "check", ".")),
    Step("format", "Python formatting", ("ruff", "format", "--check", ".")),
    Step(
        "types",
        "mypy strict on module_utils and plugin_utils",
        ("mypy", "-p", f"{COLLECTION}.plugins.module_utils", "-p", f"{COLLECTION}.plugins.plugin_utils"),
    ),
    Step("yaml", "YAML style", ("yamllint", "--strict", ".")),
    Step("ansible-lint", "Ansible's production profile", ("ansible-lint", "--offline", "-q", "--strict")),
    Step("changelog", "changelog fragments", ("antsibull-changelog", "lint")),
)
CHECK = (
    *LINT,
    _pytest(
        "unit",
        "unit and render tests, module_utils covered to 90 %",
        "tests/unit",
        arguments=(
            "--cov=plugins/module_utils",
            "--cov-branch",
            "--cov-fail-under=90",
            "--cov-report=term:skip-covered",
        ),
    ),
    _pytest("render", "every role rendered and checked by the components' own tools", "tests/render"),
    _pytest("rules", "every alert fires and stays silent when it must; series and runbooks agree", "tests/rules"),
    _pytest("consistency", "defaults, argument specs, README tables, links, names", "tests/consistency"),
)
# They need no lab, and nothing needs them: processors' work, for the time when the site's tests wait for the cluster.
STATIC = (
    _pytest("unit-second-core", "unit tests on the newest ansible-core and Python", "tests/unit", venv="second-core"),
    Step(
        "docs",
        "documentation of every plugin and role",
        (
            "antsibull-docs",
            "lint-collection-docs",
            "--plugin-docs",
            "--validate-collection-refs=self",
            "--skip-rstcheck",
            ".",
        ),
    ),
    Step("sanity", "ansible-test sanity on a copy at a collection path", ("python", "tools/sanity.py"), live=True),
    _pytest("house", "a clone and a built, installed artifact work", "tests/house"),
)
LAB_UP = (
    Step("lab-machine", "Kubernetes on this machine", (*PLAYBOOK, "playbooks/lab.yml"), "run", live=True, lab=True),
    Step(
        "lab-site",
        "the site: roll out, verify, report",
        (*PLAYBOOK, "site.yml"),
        "run",
        live=True,
        lab=True,
        needs=("lab-machine",),
    ),
)
LAB_STATUS = (Step("lab-status", "what the lab is doing", (*PLAYBOOK, "playbooks/lab_status.yml"), "run", live=True),)
LAB_DOWN = (
    Step("lab-down", "remove the lab", (*PLAYBOOK, "playbooks/lab_down.yml"), "run", live=True, lab=True, always=True),
)
# Compilers at work: asked for by itself.
_GPU_HOSTS = Step(
    "gpu-hosts",
    "drivers really built on Debian hosts in containers, reboots, toolkit and exporter, a driver that can't be built",
    ("sh", "-c", "python tests/gpu_hosts able && molecule reset -s gpu_hosts && molecule test -s gpu_hosts"),
    lab=True,
    beside=True,
)
TEST = (
    *CHECK,
    Step(
        "lab-machine",
        "Kubernetes on this machine, with an older Prometheus to upgrade from",
        (*PLAYBOOK, "playbooks/lab.yml", "-e", FOR_TESTS),
        live=True,
        lab=True,
    ),
    # These start API servers, or use namespaces, of their own: they don't meet what the steps after them do.
    _pytest(
        "integration-own",
        "the engine on a real API server, verdicts by a real kubelet",
        "tests/integration/engine",
        "tests/integration/check_mode",
        "tests/integration/brownfield",
        "tests/integration/faults",
        "tests/integration/interruption",
        "tests/integration/lifecycle",
        "tests/integration/ownership",
        "tests/integration/rights",
        "tests/integration/render",
        "tests/integration/secrets",
        "tests/integration/status",
        "tests/integration/verdicts",
        lab=True,
        beside=True,
        needs=("lab-machine",),
    ),
    _pytest(
        "scale",
        "a thousand nodes by kwok, a thousand objects: calls, bytes and memory",
        "tests/integration/scale",
        lab=True,
        beside=True,
        needs=("lab-machine",),
    ),
    _pytest(
        "integration-nodes",
        "cordon, drain and release of nodes on a real API server",
        "tests/integration/nodes",
        lab=True,
        beside=True,
        needs=("lab-machine",),
    ),
    # Before anything is rolled out on the first: pods that start while a second one is there may meet its kubelet.
    _pytest(
        "integration-lab",
        "the life of a second lab on this machine",
        "tests/integration/lab",
        lab=True,
        needs=("lab-machine",),
    ),
    _pytest(
        "integration-gpu",
        "the whole roll over simulated GPU hosts, whose nodes are drained and come back",
        "tests/integration/gpu_hosts",
        lab=True,
        needs=("lab-machine",),
    ),
    Step(
        "molecule",
        "create to cleanup on the lab, with an upgrade between",
        # What an interrupted run remembers (created, by whom) says nothing about the lab of this one.
        ("sh", "-c", "molecule reset -s default && molecule test -s default"),
        live=True,
        lab=True,
        needs=("lab-machine",),
    ),
    _pytest(
        "gpu-hosts-packages",
        "every row of the driver's package table by apt and dnf, from made-up repositories",
        "tests/integration/gpu_hosts_packages",
        lab=True,
        beside=True,
    ),
    *(replace(step, beside=True, live=False) for step in STATIC),
    Step(
        "lab-site",
        "the site: roll out, verify, report",
        (*PLAYBOOK, "site.yml"),
        live=True,
        lab=True,
        needs=("lab-machine",),
    ),
    # On a machine with an empty cache the tools come with the lab: what was skipped in check is done here.
    _pytest(
        "with-tools",
        "rules and rendered configuration by the lab's promtool and amtool",
        "tests/rules",
        "tests/render",
        lab=True,
        beside=True,
        needs=("lab-machine",),
    ),
    _pytest(
        "integration",
        "bad input and the proof on the running site",
        "tests/integration/bad_input",
        "tests/integration/proof",
        live=True,
        lab=True,
        needs=("lab-site",),
    ),
    *LAB_DOWN,
    Step(
        "left-nothing",
        "lab-down left no process, mount, interface, rule or file",
        ("python", "tools/left_behind.py"),
        lab=True,
    ),
)
GPU_HOSTS = (replace(_GPU_HOSTS, live=True, beside=False),)
BENCH = (
    Step(
        "bench",
        "rollout beside kubernetes.core.k8s and kubectl apply",
        ("python", "tests/bench/run.py"),
        "bench",
        live=True,
    ),
    Step("bench-hosts", "the plans of 1,000 GPU hosts", ("python", "tests/bench/hosts.py"), live=True),
    Step("bench-gpu-host", "gpu_info on a big host", ("python", "tests/bench/gpu_host.py"), live=True),
)
DOCS = (
    Step(
        "role-tables", "README tables from argument_specs and defaults", ("python", "tools/role_tables.py"), live=True
    ),
    Step("rights", "docs/rights.md from what the roles render", ("python", "tools/rights.py"), live=True),
    Step(
        "gpu-packages",
        "docs/gpu_hosts_packages.md from the tables of the driver",
        ("python", "tools/gpu_packages.py"),
        live=True,
    ),
)
PINS = (Step("pins", "exact versions from requirements/*.in", ("python3", "tools/pins.py"), "run", live=True),)

GOALS: dict[str, tuple[Step, ...]] = {
    "check": CHECK,
    "lint": LINT,
    "test": TEST,
    "lab": LAB_UP,
    "lab-status": LAB_STATUS,
    "lab-down": LAB_DOWN,
    "gpu-hosts": GPU_HOSTS,
    "bench": BENCH,
    "docs": DOCS,
    "pins": PINS,
}
