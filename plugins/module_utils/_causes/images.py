# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""Why an image can't be pulled."""

from __future__ import annotations

import re
from typing import Tuple

from ansible_collections.openhands.gpu_observability.plugins.module_utils._causes._cause import Cause, Code
from ansible_collections.openhands.gpu_observability.plugins.module_utils._verdicts._read import condensed

CLASSES: Tuple[Tuple[Code, str, str], ...] = (
    (Code.IMAGE_PLATFORM, r"no match for platform", "it isn't built for the node's platform"),
    (
        Code.IMAGE_UNREACHABLE,
        (
            r"no such host|connection refused|timed? ?out|x509|tls:|deadline exceeded|unreachable|reset by peer"
            r"|no route|server misbehaving|http response to https|toomanyrequests|50[0234] "
        ),
        "its registry can't be reached",
    ),
    (
        Code.IMAGE_DENIED,
        r"unauthorized|denied|forbidden|authentication required|no basic auth|40[13] ",
        "its registry refuses access, or has no such image",
    ),
    (
        Code.IMAGE_MISSING,
        r"not found|manifest unknown|name unknown|does not exist|404 ",
        "its registry doesn't have it",
    ),
)
"""Code, what the message looks like, in words."""

PULLING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed")


def image_cause(reason: str, message: str, image: str) -> Cause:
    """The cause behind a waiting reason of the image manager."""
    if reason == "InvalidImageName":
        return Cause(Code.IMAGE_INVALID, "image name %s is invalid" % image)
    if reason == "ErrImageNeverPull":
        return Cause(Code.IMAGE_NEVER, "image %s is not on the node and imagePullPolicy is Never" % image)
    for code, pattern, words in CLASSES:
        if re.search(pattern, message, re.IGNORECASE):
            return Cause(code, "%s: image %s: %s (%s)" % (reason, image, words, _core(message)))
    said = " (%s)" % _core(message) if message else ""
    return Cause(Code.IMAGE_UNREACHABLE, "%s: image %s can't be pulled%s" % (reason, image, said))


def _core(message: str) -> str:
    """The innermost of the errors that a runtime nests."""
    parts = condensed(message, limit=2000).split(": ")
    return condensed(": ".join(parts[-2:]), limit=160)
