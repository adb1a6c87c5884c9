"""Millwright beside a training: tracking that never blocks it, what it ran with, what its host did.

`capture()` notes uncommitted changes and the environment of a run; `host_metrics()` measures its host. The MLflow
plugin (millwright.plugin) needs no call: see docs/guide/tracking_client.md.
"""
from .capture import capture
from .host import host_metrics

__all__ = ["capture", "host_metrics"]
