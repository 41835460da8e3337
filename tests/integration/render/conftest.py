# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An empty cluster and upstream's files, as the tests of check mode have them."""

from __future__ import annotations

from integration.check_mode.conftest import empty_server, upstream_folder

__all__ = ["empty_server", "upstream_folder"]
