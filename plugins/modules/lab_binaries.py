#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_binaries
short_description: Get the binaries of the embedded lab
version_added: 0.1.0
description:
  - For each build, takes the binaries from the cache, from E(PATH) when they have the right version, from a release archive below O(release_base),
    or builds them from Go modules, in this order.
  - A build shows its progress while it runs. It goes on where it was when it was killed, because Go keeps every compiled package.
  - A folder of the cache appears by one rename, and a lock keeps two runs from building the same.
  - Runs on the controller, which must be the lab's machine.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  builds:
    description: The table of builds, see V(vars/builds.yml) of the role P(openhands.gpu_observability.lab#role).
    type: list
    elements: dict
    required: true
  cache_dir:
    description: Folder that keeps binaries (V(binaries/<name>/<version>/)), build folders (V(work/)) and raw upstream files (V(upstream/)).
    type: path
    required: true
  link_dir:
    description: Folder of links to the chosen binaries. Links that are not wanted go away.
    type: path
    required: true
  sources_dir:
    description: Folder with our own Go programs.
    type: path
    required: true
  release_base:
    description: Address (http, https or file) below which release archives are looked for, in the layout of the projects' own releases.
    type: str
    default: ""
  go:
    description: The Go tool.
    type: str
    default: go
  niceness:
    description: Added to the niceness of the compiler.
    type: int
    default: 0
attributes:
  check_mode:
    support: full
    description: Says what would be got.
"""

EXAMPLES = r"""
- name: Get the pause program
  openhands.gpu_observability.lab_binaries:
    cache_dir: /var/cache/openhands-gpu-observability
    link_dir: /var/lib/openhands-gpu-observability-lab/bin
    sources_dir: "{{ role_path }}/files/go"
    builds:
      - name: pause
        version: "1"
        main: pause
        binaries: [pause]
"""

RETURN = r"""
binaries:
  description: For each build V(<name>-<version>), binary to path.
  type: dict
  returned: always
sources:
  description: For each build, where it came from, one of V(cached), V(path), V(archive), V(built).
  type: dict
  returned: always
links:
  description: Name to path of the chosen binaries.
  type: dict
  returned: when something was got
linked:
  description: Links that changed.
  type: list
  elements: str
  returned: when something was got
upstream:
  description: Folders of raw upstream files that are new.
  type: list
  elements: str
  returned: when something was got
"""
