# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to this collection: may change without notice.
"""One file from an address. A module of its own: Ansible's HTTP client takes a tenth of a second to import."""

from __future__ import annotations

from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit

from ansible.module_utils.urls import ConnectionError as UrlConnectionError
from ansible.module_utils.urls import SSLValidationError, open_url
from ansible_collections.openhands.gpu_observability.plugins.module_utils._errors import InvalidInput, Problem

SECONDS = 60


def download(address: str) -> bytes:
    """The content at an http, https or file address. Raises InvalidInput that says why there is none."""
    reason = "nothing came"
    try:
        if address.startswith("file://"):
            with open(unquote(urlsplit(address).path), "rb") as stream:
                return stream.read()
        with open_url(  # type: ignore[no-untyped-call]
            address, timeout=SECONDS, http_agent="openhands.gpu_observability"
        ) as answer:
            content: bytes = answer.read()
            return content
    except HTTPError as exc:
        reason = "the server answered %d %s" % (exc.code, exc.reason)
    except (URLError, UrlConnectionError, SSLValidationError) as exc:
        reason = str(getattr(exc, "reason", exc))
    except OSError as exc:
        reason = exc.strerror or str(exc)
    raise InvalidInput([Problem("%s can't be fetched: %s" % (address, reason), "upstream")])
