"""Which distributions bring the modules that are named in argv, with what those need, as they are installed here."""

import importlib.metadata as metadata
import json
import re
import sys


def name_of(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement).group().lower().replace("_", "-")


brings = metadata.packages_distributions()
unknown, wanted = [], []
for module in sys.argv[1:]:
    if module in sys.stdlib_module_names:
        continue
    found = brings.get(module)
    if found is None:
        unknown.append(module)
    else:
        wanted += [name_of(each) for each in found]

pins = {}
while wanted:
    name = wanted.pop()
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        # Needed on other systems, or only for an extra.
        continue
    if name in pins:
        continue
    pins[name] = distribution.version
    wanted += [name_of(each) for each in distribution.requires or [] if "extra ==" not in each]

version = f"{sys.version_info.major}.{sys.version_info.minor}"
print(json.dumps({"python": version, "pins": pins, "unknown": unknown}))
