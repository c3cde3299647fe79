# All settings are in settings.ini: edit there, not here.
import shlex
from configparser import ConfigParser
from pathlib import Path

import setuptools

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
        for extra in ("dev", "parity", "bench", "docs", "browser")
    },
    python_requires=f">={cfg['min_python']}",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    zip_safe=False,
    entry_points={"console_scripts": shlex.split(cfg["console_scripts"])},
)
