"""Says that it has started, with the ids of its processes, and then never returns."""

import ctypes
import os
import signal
import time

from torch import nn


class Net(nn.Module):
    def __init__(self, started, way="sleep"):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.started = started
        self.way = way

    def forward(self, x):
        helper = os.fork() if self.way == "fork" else os.getpid()
        if helper:
            with open(self.started + ".part", "w") as file:
                file.write(f"{os.getpid()} {helper}")
            os.rename(self.started + ".part", self.started)
        if self.way == "ignore":
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self.way == "spin":
            while True:
                pass
        if self.way == "hold":
            ctypes.PyDLL(None).sleep(300)  # never lets another thread of Python run
        time.sleep(300)
        return self.conv(x)
