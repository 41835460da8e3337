# Copyright: openhands.gpu_observability contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's API server, for the search for canaries."""

from __future__ import annotations

from integration.engine.conftest import cluster, namespace, server

__all__ = ["cluster", "namespace", "server"]
