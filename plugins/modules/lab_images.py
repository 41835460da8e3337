#!/usr/bin/python
# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build and import the lab's images."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_images
short_description: Build the images of the embedded lab and import them into its containerd
version_added: 0.1.0
description:
  - Writes one OCI archive per image from files of this machine and imports it. No registry and no image tool is needed.
  - An image whose files did not change is not built again; one that containerd already has with the same content is not imported again.
author:
  - openhands.gpu_observability contributors (@openhands)
options:
  cache_dir:
    description: Folder for the archives, kept between labs.
    type: path
    required: true
  socket:
    description: Socket of the lab's containerd.
    type: path
    required: true
  images:
    description: The images.
    type: list
    elements: dict
    required: true
    suboptions:
      reference:
        description: Repository and tag.
        type: str
        required: true
      files:
        description: Path in the image to file on this machine. Each becomes executable.
        type: dict
        default: {}
      links:
        description: Path in the image to the target of a symbolic link.
        type: dict
        default: {}
      packages:
        description: Installed Debian packages to copy, with what they depend on.
        type: list
        elements: str
        default: []
      without_packages:
        description: Dependencies to leave out.
        type: list
        elements: str
        default: []
      entrypoint:
        description: The command that starts.
        type: list
        elements: str
        default: []
      user:
        description: The user it runs as.
        type: str
        default: ""
      environment:
        description: Environment variables.
        type: dict
        default: {}
  archives_dir:
    description: Folder with more OCI or Docker archives (V(*.tar)) to import.
    type: path
attributes:
  check_mode:
    support: full
    description: Says what would be built or imported.
"""

EXAMPLES = r"""
- name: Have the pause image
  openhands.gpu_observability.lab_images:
    cache_dir: /var/cache/openhands-gpu-observability/images
    socket: /var/lib/openhands-gpu-observability-lab/run/containerd.sock
    images:
      - reference: lab.local/pause:1
        files:
          /pause: /var/cache/openhands-gpu-observability/binaries/pause/1/pause
        entrypoint: [/pause]
"""

RETURN = r"""
imported:
  description: References or archives that were imported.
  type: list
  elements: str
  returned: always
"""

import json
import os
import platform
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab import _debian, _oci
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._archives import (
    archive_digests,
    present_images,
)
from ansible_collections.openhands.gpu_observability.plugins.module_utils._lab._files import (
    read_or_none,
    write_atomically,
)

DPKG = "/var/lib/dpkg"
IMAGE_SPEC = {
    "reference": {"type": "str", "required": True},
    "files": {"type": "dict", "default": {}},
    "links": {"type": "dict", "default": {}},
    "packages": {"type": "list", "elements": "str", "default": []},
    "without_packages": {"type": "list", "elements": "str", "default": []},
    "entrypoint": {"type": "list", "elements": "str", "default": []},
    "user": {"type": "str", "default": ""},
    "environment": {"type": "dict", "default": {}},
}


def package_entries(wanted: list[str], without: list[str]) -> list[_oci.Entry]:
    """The files of installed packages and of what they depend on."""
    with open(os.path.join(DPKG, "status"), encoding="utf-8") as handle:
        installed = _debian.parse_status(handle.read())
    paths: list[str] = []
    for name in _debian.closure(wanted, installed, without):
        listing = _debian.list_file(os.path.join(DPKG, "info"), name, installed[name])
        if listing:
            with open(listing, encoding="utf-8") as handle:
                paths.extend(handle.read().splitlines())
    return _debian.entries(paths)


def image_from(options: dict) -> _oci.Image:
    """The image that one entry of the C(images) option describes."""
    entries = _oci.base_entries()
    if options["packages"]:
        entries += package_entries(options["packages"], options["without_packages"])
    entries += [_oci.Entry(path.strip("/"), 0o755, source=source) for path, source in options["files"].items()]
    entries += [_oci.Entry(path.strip("/"), 0o777, link=target) for path, target in options["links"].items()]
    return _oci.Image(
        reference=options["reference"],
        entries=tuple(entries),
        entrypoint=tuple(options["entrypoint"]),
        user=options["user"],
        environment={key: str(value) for key, value in options["environment"].items()},
        architecture=_oci.ARCHITECTURES.get(platform.machine(), platform.machine()),
    )


class Archives:
    """The built archives in the cache: one file per image, and beside it what it was made from."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def path(self, image: _oci.Image) -> str:
        return os.path.join(self.folder, image.reference.replace("/", "_").replace(":", "_") + ".tar")

    def digest(self, image: _oci.Image) -> str | None:
        """Digest of the cached image, None when it must be built (anew)."""
        try:
            note = json.loads(read_or_none(self.path(image) + ".json") or b"null")
        except ValueError:
            return None
        if not note or note.get("fingerprint") != _oci.fingerprint(image) or not os.path.exists(self.path(image)):
            return None
        return str(note["digest"])

    def build(self, image: _oci.Image) -> str:
        """Write the archive; returns the digest of the image."""
        os.makedirs(self.folder, exist_ok=True)
        scratch = tempfile.mkdtemp(dir=self.folder, prefix=".build.")
        try:
            partial = os.path.join(scratch, "image.tar")
            with open(partial, "wb") as handle:
                digest = _oci.write_archive(image, handle, scratch)
            os.replace(partial, self.path(image))
        finally:
            shutil.rmtree(scratch)
        note = {"fingerprint": _oci.fingerprint(image), "digest": digest}
        write_atomically(self.path(image) + ".json", json.dumps(note).encode(), 0o644)
        return digest


class Importer:
    """Talks to the lab's containerd through its own client."""

    def __init__(self, module: AnsibleModule, socket: str) -> None:
        self.module = module
        self.command = [module.get_bin_path("ctr", required=True), "--address", socket, "--namespace", "k8s.io"]
        self.imported: list[str] = []

    def present(self) -> dict[str, str]:
        """Reference to manifest digest of every image that containerd has."""
        _rc, output, _error = self.module.run_command([*self.command, "images", "list"], check_rc=True)
        return present_images(output)

    def load(self, name: str, archive: str) -> None:
        """Import ``archive``."""
        self.imported.append(name)
        if not self.module.check_mode:
            self.module.run_command([*self.command, "images", "import", archive], check_rc=True)


def import_archives(module: AnsibleModule, importer: Importer, present: dict[str, str], folder: str) -> None:
    """Import the archives of a folder that hold anything new."""
    if not os.path.isdir(folder):
        module.fail_json(msg=f"lab_extra_images_dir: {folder} is not a folder")
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".tar"):
            continue
        path = os.path.join(folder, name)
        try:
            wanted = archive_digests(path)
        except ValueError as error:
            module.fail_json(msg=f"lab_extra_images_dir: {path}: {error}")
        if any(present.get(reference) != digest for reference, digest in wanted.items()):
            importer.load(name, path)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "cache_dir": {"type": "path", "required": True},
            "socket": {"type": "path", "required": True},
            "images": {"type": "list", "elements": "dict", "required": True, "options": IMAGE_SPEC},
            "archives_dir": {"type": "path"},
        },
        supports_check_mode=True,
    )
    archives = Archives(module.params["cache_dir"])
    importer = Importer(module, module.params["socket"])
    present = importer.present()
    for options in module.params["images"]:
        try:
            image = image_from(options)
            digest = archives.digest(image)
        except OSError as error:
            module.fail_json(msg=f"Image {options['reference']} can't be built: {error}")
        if digest is None and not module.check_mode:
            digest = archives.build(image)
        if digest is None or present.get(image.reference) != digest:
            importer.load(image.reference, archives.path(image))
    if module.params["archives_dir"]:
        import_archives(module, importer, present, module.params["archives_dir"])
    module.exit_json(changed=bool(importer.imported), imported=importer.imported)


if __name__ == "__main__":
    main()
