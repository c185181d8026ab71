# SPDX-License-Identifier: Apache-2.0
"""Names of devices, such as /job:worker/replica:0/task:1/device:GPU:2; any part may be missing."""

_PARTS = ("job", "replica", "task", "device_type", "device_index")


class DeviceSpec:
    """The parts of a device's name; None where it says nothing."""
    __slots__ = tuple("_" + p for p in _PARTS)

    def __init__(self, job=None, replica=None, task=None, device_type=None, device_index=None):
        self._clear()
        self.job, self.replica, self.task = job, replica, task
        if device_type == "cpu" and device_index is None:
            self.device_type, self.device_index = "CPU", None
        else:
            self.device_type, self.device_index = device_type, device_index

    def _clear(self):
        for part in self.__slots__:
            setattr(self, part, None)

    job = property(lambda self: self._job)
    replica = property(lambda self: self._replica)
    task = property(lambda self: self._task)
    device_type = property(lambda self: self._device_type)
    device_index = property(lambda self: self._device_index)

    @job.setter
    def job(self, value):
        self._job = None if value is None else str(value)

    @replica.setter
    def replica(self, value):
        self._replica = None if value is None else int(value)

    @task.setter
    def task(self, value):
        self._task = None if value is None else int(value)

    @device_type.setter
    def device_type(self, value):
        self._device_type = {"cpu": "CPU", "gpu": "GPU"}.get(value, value)

    @device_index.setter
    def device_index(self, value):
        self._device_index = value

    def parse_from_string(self, spec):
        """Takes the parts from a name; gives itself."""
        self._clear()
        for part in spec.split("/"):
            words = part.split(":")
            if words[0] in ("job", "replica", "task") and len(words) == 2:
                setattr(self, words[0], words[1])
            elif words[0].upper() in ("CPU", "GPU", "DEVICE") and words != [""]:
                self._parse_device(words)
            elif part:
                raise ValueError("Unknown attribute: '%s' in '%s'" % (words[0], spec))
        return self

    def _parse_device(self, words):
        if self.device_type is not None:
            raise ValueError("Cannot specify multiple device types: %s" % ":".join(words))
        if words[0].upper() == "DEVICE":
            words = words[1:]
        self._device_type = words[0].upper() if words[0] in ("cpu", "gpu") else words[0]
        if len(words) > 1 and words[1] != "*":
            self._device_index = int(words[1])

    def merge_from(self, other):
        """What the other name says wins; the rest stays."""
        for part in self.__slots__:
            if getattr(other, part) is not None:
                setattr(self, part, getattr(other, part))

    def make_merged_spec(self, other):
        """A new spec: this one, overridden by what the other says."""
        new = type(self)(*(getattr(self, p) for p in _PARTS))
        new.merge_from(other)
        return new

    def replace(self, **parts):
        """A new spec with some parts changed."""
        return type(self)(**dict(((p, getattr(self, p)) for p in _PARTS), **parts))

    def to_string(self):
        """The name; a device type without number gets `*`."""
        out = "".join("/%s:%s" % (part, getattr(self, part))
                      for part in ("job", "replica", "task") if getattr(self, part) is not None)
        if self.device_type is not None:
            index = "*" if self.device_index is None else self.device_index
            out += "/device:%s:%s" % (self.device_type, index)
        return out

    @staticmethod
    def from_string(spec):
        """The spec of a name."""
        return DeviceSpec().parse_from_string(spec)

    def __eq__(self, other):
        return isinstance(other, DeviceSpec) and self.to_string() == other.to_string()

    def __hash__(self):
        return hash(self.to_string())

    def __repr__(self):
        return "DeviceSpec(%r)" % self.to_string()


Device = DeviceSpecV1 = DeviceSpec


def from_string(spec):
    """The spec of a name."""
    return DeviceSpec.from_string(spec)


def check_valid(spec):
    """Raises ValueError if the text is no device name."""
    DeviceSpec.from_string(spec)


def is_device_spec(thing):
    return isinstance(thing, DeviceSpec)


def canonical_name(device):
    """The name in its full form; "" for None."""
    if device is None:
        return ""
    if isinstance(device, DeviceSpec):
        return device.to_string()
    return DeviceSpec.from_string(device).to_string()


def merge_device(spec):
    """A device function: an operation's device, with what it leaves open taken from `spec`."""
    if not isinstance(spec, DeviceSpec):
        spec = DeviceSpec.from_string(spec or "")

    def merge(node_def):
        current = DeviceSpec.from_string(node_def.device or "")
        return spec.make_merged_spec(current)
    return merge


__all__ = ["DeviceSpec"]
