"""Measurements of the host under the names of MLflow's system metrics: processors, memory, disk and network from /proc,
GPUs through NVIDIA's own library where it is."""
import ctypes
import logging
import shutil
import threading
import time

LOG = logging.getLogger("millwright")
MEGABYTE = 1e6


def host_metrics(run_id=None, seconds=10.0):
    """Measures until `stop()` of what is returned, for a run, by default the active one."""
    import mlflow
    from mlflow.entities import Metric
    run_id = run_id or mlflow.active_run().info.run_id
    client = mlflow.MlflowClient()

    def log(run, points):
        client.log_batch(run, metrics=[Metric(*point) for point in points])
    return Measuring(run_id, log, seconds)


class Measuring:
    """A thread that measures every `seconds` and calls log(run_id, [(name, value, milliseconds, step)])."""

    def __init__(self, run_id, log, seconds):
        self._run, self._log, self._seconds = run_id, log, seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="millwright-host", daemon=True)
        self._thread.start()

    def stop(self):
        self._over.set()
        self._thread.join(10)

    def _measure(self):
        host, step = Host(), 0
        while not self._over.wait(self._seconds):
            try:
                now = int(time.time() * 1000)
                self._log(self._run, [(f"system/{name}", value, now, step) for name, value in host.measure().items()])
            except Exception:
                LOG.debug("measuring the host", exc_info=True)
            step += 1


class Host:
    """Processors and network are counted from one call to the next, or from the first."""

    def __init__(self, root="/proc", library="libnvidia-ml.so.1"):
        self._root = root
        self._processors = self._read_processors()
        self._network = self._read_network()
        self._gpus = Gpus.found(library)

    def measure(self):
        values = {}
        for part in (self._processor, self._memory, self._disk, self._traffic):
            try:
                values.update(part())
            except (OSError, ValueError, ZeroDivisionError, KeyError):  # not Linux, or no such file here
                continue
        values.update(self._gpus.measure() if self._gpus else {})
        return values

    def _lines(self, name):
        with open(f"{self._root}/{name}") as file:
            return file.read().splitlines()

    def _read_processors(self):
        """(busy, all) in ticks since the start of the system."""
        try:
            ticks = [int(word) for word in self._lines("stat")[0].split()[1:9]]
        except (OSError, ValueError, IndexError):
            return 0, 0
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks)

    def _processor(self):
        before, self._processors = self._processors, self._read_processors()
        busy, every = (now - then for now, then in zip(self._processors, before))
        return {"cpu_utilization_percentage": 100.0 * busy / every}

    def _memory(self):
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in self._lines("meminfo")}
        used = sizes["MemTotal"] - sizes["MemAvailable"]
        return {"system_memory_usage_megabytes": used / MEGABYTE,
                "system_memory_usage_percentage": 100.0 * used / sizes["MemTotal"]}

    @staticmethod
    def _disk():
        disk = shutil.disk_usage("/")
        return {"disk_usage_percentage": 100.0 * disk.used / (disk.used + disk.free),
                "disk_usage_megabytes": disk.used / MEGABYTE, "disk_available_megabytes": disk.free / MEGABYTE}

    def _read_network(self):
        """Bytes (received, sent) over all interfaces."""
        try:
            rows = [line.split(":")[1].split() for line in self._lines("net/dev")[2:]]
        except (OSError, IndexError):
            return 0, 0
        return sum(int(row[0]) for row in rows), sum(int(row[8]) for row in rows)

    def _traffic(self):
        received, sent = self._read_network()
        return {"network_receive_megabytes": (received - self._network[0]) / MEGABYTE,
                "network_transmit_megabytes": (sent - self._network[1]) / MEGABYTE}


class Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class Gpus:
    """All devices that NVML shows."""

    def __init__(self, library):
        self._nvml = ctypes.CDLL(library)
        count = ctypes.c_uint()
        if self._nvml.nvmlInit_v2() or self._nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            raise OSError("NVML does not answer")
        self._devices = []
        for index in range(count.value):
            device = ctypes.c_void_p()
            if not self._nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)):
                self._devices.append((index, device))

    @classmethod
    def found(cls, library):
        try:
            return cls(library)
        except (OSError, AttributeError):
            return None

    def _ask(self, function, device, answer):
        return None if getattr(self._nvml, function)(device, ctypes.byref(answer)) else answer

    def measure(self):
        values = {}
        for index, device in self._devices:
            memory = self._ask("nvmlDeviceGetMemoryInfo", device, Memory())
            if memory and memory.total:
                values[f"gpu_{index}_memory_usage_megabytes"] = memory.used / MEGABYTE
                values[f"gpu_{index}_memory_usage_percentage"] = 100.0 * memory.used / memory.total
            busy = self._ask("nvmlDeviceGetUtilizationRates", device, Utilization())
            if busy:
                values[f"gpu_{index}_utilization_percentage"] = float(busy.gpu)
            power = self._ask("nvmlDeviceGetPowerUsage", device, ctypes.c_uint())
            limit = self._ask("nvmlDeviceGetEnforcedPowerLimit", device, ctypes.c_uint())
            if power is not None:
                values[f"gpu_{index}_power_usage_watts"] = power.value / 1000
                if limit is not None and limit.value:
                    values[f"gpu_{index}_power_usage_percentage"] = 100.0 * power.value / limit.value
        return values
