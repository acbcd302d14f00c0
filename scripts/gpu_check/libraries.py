"""Where the shared libraries of a pack's programs are: in the pack, or CUDA's own on this machine."""
import glob
import os
import pathlib
import site
import subprocess
import sys


def cuda_folders():
    """Places of CUDA's libraries, the likeliest first: named ones, the toolkit, wheels of pip."""
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    folders = [f"{home}/lib64", f"{home}/lib", "/usr/local/cuda/lib64"]
    folders += sorted(glob.glob("/usr/local/cuda-*/lib64"), reverse=True)
    packages = {*site.getsitepackages(), site.getusersitepackages(), *sys.path}
    packages |= set(glob.glob("/usr/local/lib/python3*/dist-packages") + glob.glob("/opt/*/lib/python3*/site-packages"))
    for folder in sorted(packages):
        folders += sorted(glob.glob(f"{folder}/nvidia/*/lib"))
    folders += ["/usr/lib/x86_64-linux-gnu", "/usr/lib/wsl/lib"]
    return [folder for folder in dict.fromkeys(folders) if os.path.isdir(folder)]


def cudnn_folder(folders):
    """Where the newest cuDNN is: programs open it by name, and several may be installed."""
    found = []
    for folder in folders:
        if os.path.exists(f"{folder}/libcudnn.so.9"):  # asked in a process of its own: two of them do not mix
            ask = f"import ctypes; print(ctypes.CDLL('{folder}/libcudnn.so.9').cudnnGetVersion())"
            answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False,
                                    env={**os.environ, "LD_LIBRARY_PATH": folder})
            found += [(int(answer.stdout), folder)] if answer.returncode == 0 else []
    return [max(found)[1]] if found else []


def missing(program, environment):
    """Names that the loader does not find, and versions it finds too old."""
    text = subprocess.run(["ldd", str(program)], env=environment, capture_output=True, text=True, check=False)
    names = [line.split()[0] for line in text.stdout.splitlines() if line.endswith("=> not found")]
    old = [line.strip() for line in text.stderr.splitlines() if "version `" in line]
    return names, old


def environment_of(pack):
    """The environment of the pack's programs, and what no folder of this machine holds."""
    pack = pathlib.Path(pack).resolve()
    environment = dict(os.environ)
    own = [str(pack / "lib")]
    given = [folder for folder in environment.get("LD_LIBRARY_PATH", "").split(":") if folder]
    environment.update({
        # Open MPI as a single process, from the pack, without a network and without a daemon.
        "OPAL_PREFIX": str(pack), "OMPI_MCA_mca_base_component_path": str(pack / "lib/openmpi"),
        "OMPI_MCA_ess_singleton_isolated": "1", "OMPI_MCA_btl": "self", "OMPI_MCA_pml": "ob1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMP_PROC_BIND": "false", "OMP_WAIT_POLICY": "passive",
    })
    folders = cuda_folders()
    own += cudnn_folder(folders)
    names, old = [], []
    for program in sorted((pack / "bin").iterdir()):
        while True:
            environment["LD_LIBRARY_PATH"] = ":".join(own + given)
            names, old = missing(program, environment)
            runtime = str(pack / "lib/runtime")
            found = [runtime] if old and runtime not in own else []
            for name in names:
                found += [f for f in [runtime] + folders if os.path.exists(f"{f}/{name}")][:1]
            found = [folder for folder in dict.fromkeys(found) if folder not in own]
            if not found:
                break
            own += found
        if names or old:
            break
    return environment, names + old
