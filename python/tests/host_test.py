"""Measurements of the host: numbers of a made-up /proc, and of a made-up NVML."""
import shutil
import subprocess
import unittest

from support import Case

from millwright.host import Host, Measuring

NVML = """
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned gpu, memory; } busy;
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = (void *)(long)(i + 1); return 0; }
int nvmlDeviceGetMemoryInfo(void *d, memory *m) { m->total = 4000000; m->used = 1000000 * (long)d; return 0; }
int nvmlDeviceGetUtilizationRates(void *d, busy *b) { b->gpu = 50 + (long)d; return 0; }
int nvmlDeviceGetPowerUsage(void *d, unsigned *p) { *p = 150000; return (long)d == 2; }
int nvmlDeviceGetEnforcedPowerLimit(void *d, unsigned *p) { *p = 300000; return 0; }
"""


class HostTest(Case):
    def proc(self, busy, idle, received):
        (self.folder / "net").mkdir(exist_ok=True)
        (self.folder / "stat").write_text(f"cpu {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1\n")
        (self.folder / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 750 kB\n")
        (self.folder / "net/dev").write_text("a\nb\n  lo: 5 0 0 0 0 0 0 0 5 0\n"
                                             f"eth0:{received} 0 0 0 0 0 0 0 2000000 0 0 0 0 0 0 0\n")

    def test_numbers(self):
        self.proc(100, 900, 1_000_000)
        host = Host(self.folder, "no such library")
        self.proc(130, 970, 4_500_000)
        values = host.measure()
        self.assertAlmostEqual(values["cpu_utilization_percentage"], 30.0)
        self.assertAlmostEqual(values["system_memory_usage_percentage"], 25.0)
        self.assertAlmostEqual(values["system_memory_usage_megabytes"], 0.256)
        self.assertAlmostEqual(values["network_receive_megabytes"], 3.5)
        self.assertAlmostEqual(values["network_transmit_megabytes"], 0.0)
        self.assertIn("disk_usage_percentage", values)

    def test_without_proc(self):
        self.assertEqual(set(Host(self.folder / "none", "no such library").measure()), {
            "disk_usage_percentage", "disk_usage_megabytes", "disk_available_megabytes",
            "network_receive_megabytes", "network_transmit_megabytes"})

    @unittest.skipUnless(shutil.which("cc"), "needs a C compiler")
    def test_gpus(self):
        (self.folder / "nvml.c").write_text(NVML)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.folder / "nvml.so", self.folder / "nvml.c"], check=True)
        values = Host(self.folder, str(self.folder / "nvml.so")).measure()
        self.assertEqual(values["gpu_0_memory_usage_megabytes"], 1.0)
        self.assertEqual(values["gpu_1_memory_usage_percentage"], 50.0)
        self.assertEqual(values["gpu_1_utilization_percentage"], 52.0)
        self.assertEqual((values["gpu_0_power_usage_watts"], values["gpu_0_power_usage_percentage"]), (150.0, 50.0))
        self.assertNotIn("gpu_1_power_usage_watts", values)

    def test_measuring_survives_its_log(self):
        came = []

        def log(run, points):
            came.append(points)
            raise OSError("on purpose")
        measuring = Measuring("run", log, 0.01)
        self.until(lambda: len(came) >= 3, "three measurements")
        measuring.stop()
        self.assertEqual([points[0][3] for points in came], list(range(len(came))))
        self.assertTrue(all(name.startswith("system/") for name, _, _, _ in came[0]))


if __name__ == "__main__":
    unittest.main()
