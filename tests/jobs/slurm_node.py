"""A Slurm cluster of one node for tests: munged, slurmctld and slurmd on the loopback address, in a folder of their
own, with pretended cores and eight pretended GPUs. Needs root (device files for the GPUs) and the packages slurm-wlm
and munge.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")
GPUS = 8
CONFIGURATION = """
ClusterName=recpo
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0,defer
SchedulerType=sched/backfill
SlurmdParameters=config_overrides
MpiDefault=none
GresTypes=gpu
ReturnToService=2
KillWait=20
MinJobAge=3600
JobRequeue=1
SlurmctldTimeout=300
SlurmdTimeout=300
NodeName={host} NodeAddr=127.0.0.1 CPUs=64 RealMemory=1000 Gres=gpu:a6000:{gpus} State=UNKNOWN
PartitionName=gpu Nodes={host} Default=YES MaxTime=INFINITE OverTimeLimit=0 State=UP
"""


def missing():
    """Why there can be no such cluster here; empty when there can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"no {', '.join(absent)} here (Debian: slurm-wlm, munge)"
    return "" if os.geteuid() == 0 else "a pretended Slurm node needs root"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class SlurmNode:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.processes = []
        self.environment = dict(os.environ, SLURM_CONF=str(self.folder / "slurm.conf"))

    def start(self):
        self.folder.chmod(0o755)  # munge refuses a socket that others cannot reach
        self._authenticate()
        for index in range(GPUS):
            os.mknod(self.folder / f"gpu{index}", 0o666 | 0o020000, os.makedev(1, 3))  # a null device
        host = socket.gethostname().split(".")[0]
        (self.folder / "gres.conf").write_text(f"Name=gpu Type=a6000 File={self.folder}/gpu[0-{GPUS - 1}]\n")
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            host=host, folder=self.folder, gpus=GPUS, controller=free_port(), daemon=free_port()))
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        self._spawn("slurmctld", "-D", "-i")
        self._spawn("slurmd", "-D", "-N", host)
        self.wait_for(lambda: "idle" in self.run("sinfo", "-h", "-o", "%T", check=False), "the node to be idle", 60)
        return self

    def _authenticate(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self._spawn("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket",
                    f"--pid-file={self.folder}/munge.pid", f"--log-file={self.folder}/munge.log",
                    f"--seed-file={self.folder}/munge.seed")
        self.wait_for((self.folder / "munge.socket").exists, "munged", 20)

    def _spawn(self, *command):
        with open(self.folder / f"{command[0]}.out", "w") as log:
            self.processes.append(subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                                   stderr=log, start_new_session=True))

    def wait_for(self, condition, what, seconds):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                logs = "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-1500:]}"
                                 for log in sorted(self.folder.glob("*.log")) + sorted(self.folder.glob("*.out")))
                raise TimeoutError(f"waited {seconds} s for {what}\n{logs}")
            time.sleep(0.2)

    def run(self, *command, check=True, variables=None, **more):
        """What the command prints; `variables` are added to its environment."""
        return subprocess.run(command, env={**self.environment, **(variables or {})}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=check, timeout=60, **more).stdout

    def job(self, number):
        """What the controller knows of a job: {"JobState": .., "ExitCode": .., "Restarts": ..}."""
        text = self.run("scontrol", "-o", "show", "job", str(number))
        return dict(field.split("=", 1) for field in text.split() if "=" in field)

    def wait_for_end(self, number, seconds=240):
        ended = ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY")
        self.wait_for(lambda: self.job(number)["JobState"] in ended, f"job {number}", seconds)
        return self.job(number)

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
