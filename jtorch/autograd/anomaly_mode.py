"""The context managers of anomaly detection, under PyTorch's own path."""
from __future__ import annotations

from . import detect_anomaly as detect_anomaly
from . import set_detect_anomaly as set_detect_anomaly
