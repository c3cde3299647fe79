"""What a process took, without a library that would count itself."""
import resource
from pathlib import Path


def peak_mb():
    """The most memory that this process had, in MB; where the system says so, without
    that of the process which started it, which `getrusage` counts."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    [kilobytes] = (
        line.split()[1]
        for line in status.read_text().splitlines()
        if line.startswith("VmHWM:")
    )
    return int(kilobytes) / 1024
