# All settings are in settings.ini: edit there, not here.
import gzip
import os
import shlex
import tarfile
from configparser import ConfigParser
from pathlib import Path

import setuptools
from setuptools.command.sdist import sdist

config = ConfigParser(delimiters=["="])
config.read("settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]

licenses = {
    "apache2": ("Apache-2.0", "License :: OSI Approved :: Apache Software License")
}
statuses = [
    "1 - Planning", "2 - Pre-Alpha", "3 - Alpha", "4 - Beta", "5 - Production/Stable",
    "6 - Mature", "7 - Inactive",
]
minors = range(int(cfg["min_python"].split(".")[1]), 14)


class Sdist(sdist):
    """A source archive of the same bytes wherever it is made: in the order of names, of
    nobody, and of the time SOURCE_DATE_EPOCH where there is one, as a wheel is."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, **owner):
        time = os.environ.get("SOURCE_DATE_EPOCH")
        if format != "gztar" or not time:
            return super().make_archive(base_name, format, root_dir, base_dir, **owner)

        def anonymous(member):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = int(time)
            member.mode = 0o755 if member.mode & 0o100 else 0o644
            return member

        path = f"{base_name}.tar.gz"
        with (
            open(path, "wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=int(time)) as packed,
            tarfile.open(mode="w", fileobj=packed) as archive,
        ):
            archive.add(base_dir, filter=anonymous)  # a folder's names are sorted
        return path


setuptools.setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    keywords=cfg["keywords"],
    author=cfg["author"],
    author_email=cfg["author_email"],
    license=licenses[cfg["license"]][0],
    classifiers=[
        f"Development Status :: {statuses[int(cfg['status']) - 1]}",
        f"Intended Audience :: {cfg['audience'].title()}",
        "Intended Audience :: Education",
        licenses[cfg["license"]][1],
        f"Natural Language :: {cfg['language'].title()}",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in minors),
    ],
    url=cfg["git_url"],
    packages=setuptools.find_packages(
        include=[cfg["lib_path"], f"{cfg['lib_path']}.*"]
    ),
    package_data={cfg["lib_path"]: ["py.typed"]},  # its annotations are for all to read
    install_requires=shlex.split(cfg["requirements"]),
    extras_require={
        extra: shlex.split(cfg[f"{extra}_requirements"])
        for extra in (
            "tables", "dask", "onnx", "compiled", "dev", "parity", "bench", "docs",
            "browser",
        )
    },
    python_requires=f">={cfg['min_python']}",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    zip_safe=False,
    cmdclass={"sdist": Sdist},
    entry_points={"console_scripts": shlex.split(cfg["console_scripts"])},
)
