"""Runs a command and prints what it took as one line of JSON: python3 measure.py JOB, a JSON object.

`seconds` from the start of the process to its end, or to its mark; `cpu` seconds, user and system, of the process and
those it waited for; `rss` and `anon`, peak bytes of resident memory, and of what of it is not mapped files (sampled).

A client that stays when it has all is done when the file `mark` exists or its output has `says`. It is ended then, or
with `hold`, when our standard input is closed.
"""

import json
import os
import resource
import select
import signal
import sys
import time

MEMORY_INTERVAL = 0.010
MARK_INTERVAL = 0.002
TICKS = os.sysconf("SC_CLK_TCK")

job = json.loads(sys.argv[1])
mark, says, log = job.get("mark"), job.get("says"), job["log"]
if job.get("openFiles"):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_so_far(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / TICKS


def memory(pid):
    """Peak resident bytes so far, and anonymous bytes now; zeros for a process that ends."""
    values = {"VmHWM": 0, "RssAnon": 0}
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name in values:
                values[name] = int(rest.split()[0]) * 1024
    return values["VmHWM"], values["RssAnon"]


def is_marked():
    if mark and os.path.exists(mark):
        return True
    if not says:
        return False
    with open(log, "rb") as file:
        return says.encode() in file.read()


write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
actions = [
    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
    (os.POSIX_SPAWN_OPEN, 1, log, write, 0o644),
    (os.POSIX_SPAWN_DUP2, 1, 2),
]
command = job["command"]
began = time.monotonic()
pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
ended = select.poll()
ended.register(os.pidfd_open(pid), select.POLLIN)
signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
result = {"rss": 0, "anon": 0}
next_memory = 0
interval = 1000 * (MARK_INTERVAL if mark or says else MEMORY_INTERVAL)
while True:
    exited = bool(ended.poll(interval))
    now = time.monotonic()
    result["seconds"] = now - began
    if exited:
        break
    if is_marked():
        result["cpu"] = cpu_so_far(pid)
        break
    if now - began > job["timeout"]:
        result["failed"] = f"> {job['timeout']} s"
        break
    if now >= next_memory:
        next_memory = now + MEMORY_INTERVAL
        rss, anon = memory(pid)
        result["rss"] = max(result["rss"], rss)
        result["anon"] = max(result["anon"], anon)

if not exited:
    if "failed" not in result and job.get("hold"):
        print("complete", flush=True)
        sys.stdin.read()
        rss, anon = memory(pid)
        result["rss"] = max(result["rss"], rss)
        result["anon"] = max(result["anon"], anon)
    os.kill(pid, signal.SIGTERM)
    if not ended.poll(1000):
        os.kill(pid, signal.SIGKILL)
_, status, usage = os.wait4(pid, 0)
if exited:
    result["cpu"] = usage.ru_utime + usage.ru_stime
    # What was mapped between two looks; never less than this interpreter's own, which the kernel counts in.
    result["rss"] = max(result["rss"], usage.ru_maxrss * 1024)
    if mark or says:
        result["failed"] = "ended before it was complete"
    elif status != 0:
        result["failed"] = f"exit code {os.waitstatus_to_exitcode(status)}"
if "failed" in result:
    with open(log, "rb") as file:
        result["output"] = file.read()[-2000:].decode(errors="replace")
print(json.dumps(result), flush=True)
