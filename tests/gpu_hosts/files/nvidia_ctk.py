#!/usr/bin/python3
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""STAND-IN for nvidia-ctk of NVIDIA's container toolkit: it writes what the real one (1.20.0) was seen to write.

``runtime configure`` for containerd writes a drop-in that starts from the section of the CRI plugin in config.toml, or
in what containerd says of its settings, and config.toml gets an import of the folder; for Docker daemon.json; for CRI-O
a drop-in. ``cdi generate`` writes a specification without devices. Tests only: NVIDIA's own can't be had everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RUNTIME = "/usr/bin/nvidia-container-runtime"
FOLDER = Path("/etc/containerd/conf.d")


def value(given: Any) -> str:
    """A value as TOML; what JSON calls it is the same for all that occur here."""
    return json.dumps(given)


def lines(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """A table: its values in order, then the tables below it."""
    indent = "  " * len(path)
    for key in sorted(key for key, found in table.items() if not isinstance(found, dict)):
        yield f"{indent}{key} = {value(table[key])}"
    for key in sorted(key for key, found in table.items() if isinstance(found, dict)):
        name = key if key.replace("-", "").replace("_", "").isalnum() else f'"{key}"'
        below = (*path, name)
        yield from ("", f"{indent}[{'.'.join(below)}]")
        yield from lines(table[key], below)


def write(path: Path, table: Mapping[str, Any]) -> None:
    """Write a table as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines(table)) + "\n")


def containerd(options: argparse.Namespace) -> None:
    """The drop-in, and its import."""
    path = Path("/etc/containerd/config.toml")
    top = source = tomllib.loads(path.read_text()) if path.exists() else {}
    if options.source == "command":
        asked = [options.executable or "containerd", "config", "dump"]
        source = tomllib.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    version = source.get("version", 2)
    plugin = "io.containerd.grpc.v1.cri" if version == 2 else "io.containerd.cri.v1.runtime"
    section = json.loads(json.dumps(source.get("plugins", {}).get(plugin, {})))
    settings = section.setdefault("containerd", {})
    known = settings.setdefault("runtimes", {})
    started = known.get("runc") or {
        "privileged_without_host_devices": False,
        "runtime_engine": "",
        "runtime_root": "",
        "runtime_type": "io.containerd.runc.v2",
    }
    known["nvidia"] = {**started, "options": {**started.get("options", {}), "BinaryName": RUNTIME}}
    if options.default:
        settings["default_runtime_name"] = "nvidia"
    elif settings.get("default_runtime_name") == "nvidia":
        del settings["default_runtime_name"]
    if options.cdi:
        section["enable_cdi"] = True
    write(FOLDER / "99-nvidia.toml", {"version": version, "plugins": {plugin: section}})
    imports = top.get("imports", [])
    if f"{FOLDER}/*.toml" not in imports:
        top["imports"] = [*imports, f"{FOLDER}/*.toml"]
    write(path, {"version": version, **top})


def docker(options: argparse.Namespace) -> None:
    """daemon.json."""
    path = Path("/etc/docker/daemon.json")
    settings = json.loads(path.read_text()) if path.exists() else {}
    settings.setdefault("runtimes", {})["nvidia"] = {"args": [], "path": RUNTIME.rpartition("/")[2]}
    if options.default:
        settings["default-runtime"] = "nvidia"
    elif settings.get("default-runtime") == "nvidia":
        del settings["default-runtime"]
    if options.cdi:
        settings.setdefault("features", {})["cdi"] = True
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=4, sort_keys=True))


def crio(options: argparse.Namespace) -> None:
    """The drop-in."""
    runtime = {"default_runtime": "nvidia"} if options.default else {}
    table = {**runtime, "runtimes": {"nvidia": {"runtime_path": RUNTIME, "runtime_type": "oci"}}}
    write(Path("/etc/crio/crio.conf.d/99-nvidia.toml"), {"crio": {"runtime": table}})


def generate() -> None:
    """The specification, where there is a driver."""
    if not Path("/sys/module/nvidia/version").exists():
        sys.exit("nvidia-ctk (stand-in): failed to initialize NVML")
    path = Path(os.environ.get("NVIDIA_CTK_CDI_OUTPUT_FILE_PATH", "/var/run/cdi/nvidia.yaml"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("---\n# stand-in\ncdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: []\n")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--runtime", choices=["containerd", "docker", "crio"], default="docker")
    parser.add_argument("--cdi.enabled", dest="cdi", action="store_true")
    parser.add_argument("--config-source", dest="source", default="file")
    parser.add_argument("--executable-path", dest="executable", default="")
    parser.add_argument("--set-as-default", dest="default", action="store_true")
    options, _rest = parser.parse_known_args()
    if options.words[:2] == ["runtime", "configure"]:
        {"containerd": containerd, "docker": docker, "crio": crio}[options.runtime](options)
    elif options.words[:2] == ["cdi", "generate"]:
        generate()


if __name__ == "__main__":
    main()
