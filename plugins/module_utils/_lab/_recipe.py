# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""How one piece of software is had for the lab, read from the role's table."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple


@dataclass(frozen=True)
class Recipe:
    """One row of the table of builds.

    ``packages`` maps a binary to its package below ``module``. With ``main`` there is one program of our own,
    from a folder of that name, and every binary is a link to it.
    """

    name: str
    version: str
    binaries: Tuple[str, ...]
    module: str = ""
    module_version: str = ""
    staging_version: str = ""
    """Version for replaces that point into the module's own tree (Kubernetes publishes those as modules)."""
    packages: Mapping[str, str] = field(default_factory=dict)
    main: str = ""
    tags: str = ""
    ldflags: Tuple[str, ...] = ()
    archive: str = ""
    """Path of the release archive below the base address; empty when there is none."""
    version_args: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    """What makes a binary print its version, where it isn't ``--version``."""
    static: bool = True
    """Whether it must run in an image without a C library."""
    upstream: Optional[Upstream] = None

    @classmethod
    def from_options(cls, options: Mapping[str, Any], arch: str = "amd64") -> List[Recipe]:
        """Read one row: a recipe per version. Raises ValueError that names the row and what is wrong with it."""
        name = options.get("name")
        known = (set(cls.__dataclass_fields__) - {"version"}) | {"versions"}
        unknown = sorted(set(options) - known)
        if unknown:
            raise ValueError(f"build {name}: unknown {', '.join(unknown)}")
        missing = [key for key in ("name", "versions", "binaries") if not options.get(key)]
        if missing:
            raise ValueError(f"build {name}: {', '.join(missing)} missing")
        if not options.get("main") and set(options.get("packages") or {}) != set(options["binaries"]):
            raise ValueError(f"build {name}: packages must name exactly the binaries {', '.join(options['binaries'])}")
        return [cls._one(options, str(version), arch) for version in options["versions"]]

    @classmethod
    def _one(cls, options: Mapping[str, Any], version: str, arch: str) -> Recipe:
        def text(key: str) -> str:
            return fill(str(options.get(key) or ""), version, arch)

        upstream = options.get("upstream")
        return cls(
            name=str(options["name"]),
            version=version,
            binaries=tuple(str(item) for item in options["binaries"]),
            module=text("module"),
            module_version=text("module_version"),
            staging_version=text("staging_version"),
            packages={str(key): str(value) for key, value in (options.get("packages") or {}).items()},
            main=text("main"),
            tags=text("tags"),
            ldflags=tuple(fill(str(item), version, arch) for item in options.get("ldflags") or ()),
            archive=text("archive"),
            version_args={
                str(key): tuple(str(item) for item in value)
                for key, value in (options.get("version_args") or {}).items()
            },
            static=bool(options.get("static", True)),
            upstream=Upstream.from_options(upstream, version, arch) if upstream else None,
        )

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def programs(self) -> Tuple[str, ...]:
        """The files that a build makes; the other binaries are links to them."""
        return (self.name,) if self.main else self.binaries

    def package(self, program: str) -> str:
        """The package that ``program`` is built from."""
        if self.main:
            return "."
        return "/".join(part for part in (self.module, self.packages[program]) if part not in ("", "."))

    def fingerprint(self, sources: str = "") -> str:
        """Changes whenever a build would make something else."""
        parts = [
            self.module,
            self.module_version,
            self.staging_version,
            sorted(self.packages.items()),
            self.main,
            self.tags,
            self.ldflags,
            sources,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Upstream:
    """Raw files of a project that its Go module carries along."""

    repository: str
    tag: str
    folders: Tuple[str, ...]

    @classmethod
    def from_options(cls, options: Mapping[str, Any], version: str, arch: str) -> Upstream:
        return cls(str(options["repository"]), fill(str(options["tag"]), version, arch), tuple(options["folders"]))


def fill(text: str, version: str, arch: str) -> str:
    """``text`` with its placeholders replaced: {version}, its parts {major}, {minor}, {patch}, and {arch}."""
    parts = [*version.split("."), "", ""][:3]
    values = {"version": version, "arch": arch, **dict(zip(("major", "minor", "patch"), parts))}
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match.group(1), match.group(0)), text)


def go_mod_text(recipe: Recipe, go: str, replaces: List[Dict[str, Any]]) -> str:
    """The go.mod of the wrapper that builds ``recipe``.

    A module's own replaces don't count when another module requires it, so they are restated here. Those that point
    into its own tree can't be; where the project publishes that tree as modules, their version stands in.
    """
    lines = ["module lab", "", f"go {go}", ""]
    if recipe.module:
        lines += [f"require {recipe.module} {recipe.module_version}", ""]
    for replace in replaces:
        old, new = replace["Old"], replace["New"]
        source = " ".join(filter(None, (old["Path"], old.get("Version"))))
        if new.get("Version"):
            lines.append(f"replace {source} => {new['Path']} {new['Version']}")
        elif recipe.staging_version:
            lines.append(f"replace {source} => {old['Path']} {recipe.staging_version}")
    return "\n".join(lines).rstrip() + "\n"


def tools_text(recipe: Recipe) -> str:
    """A Go file that only imports what will be built, so that tidying keeps what it needs."""
    imports = "".join(f'\t_ "{recipe.package(program)}"\n' for program in recipe.programs)
    return f"//go:build tools\n\npackage lab\n\nimport (\n{imports})\n"


def build_argv(recipe: Recipe, program: str, output: str) -> List[str]:
    """Arguments of ``go`` that build one program to ``output``."""
    argv = ["build", "-v", "-trimpath"]
    if recipe.tags:
        argv += ["-tags", recipe.tags]
    return [*argv, "-ldflags", " ".join(("-s", "-w", *recipe.ldflags)), "-o", output, recipe.package(program)]


def go_version(text: str) -> Tuple[int, ...]:
    """``go1.26.8`` or ``1.26`` as numbers; () when it is neither."""
    match = re.match(r"(?:go)?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def mentions_version(output: str, version: str) -> bool:
    """Whether a program's version output names exactly ``version``, with or without a leading v."""
    return re.search(r"(?<![\d.])v?" + re.escape(version) + r"(?![\d.]*\d)", output) is not None
