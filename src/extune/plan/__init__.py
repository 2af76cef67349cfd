"""What a training will take, told before a weight is loaded, and how that compares with what it took."""

from .compare import Compared, compare, compared_text
from .devices import DEVICES, Device, device_of
from .planned import Plan, plan
from .text import plan_json, plan_text

__all__ = [
    "DEVICES", "Compared", "Device", "Plan", "compare", "compared_text", "device_of", "plan", "plan_json", "plan_text",
]  # fmt: skip
