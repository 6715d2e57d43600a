"""What is asked of JAX, by whatever imports it here.

Of a card's memory, as much as is needed: the processes of one job share the card, and the first would else take most of it. JAX looks at
this when it is first asked for a device; what a user has set stays.

Of the compiler on a processor: most kernels are large and run for minutes, not hours, once they are compiled.

There XLA's older emitters compile these kernels in six tenths of the time; what they make takes a tenth or two longer to run in the climb
and the widest walk. Those that sweep `surfaces`, where exponentials and logarithms are most of the work, would be several times slower, and
have options of their own. Where JAX has an accelerator to compile for, nothing is asked for.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points, version
from importlib.util import find_spec

TAKES_ALL = "XLA_PYTHON_CLIENT_PREALLOCATE"
os.environ.setdefault(TAKES_ALL, "false")

ACCELERATORS = bool(entry_points(group="jax_plugins")) or find_spec("libtpu") is not None  # may be there; asking JAX would start it
KNOWN = version("jaxlib").startswith("0.10.") and not ACCELERATORS  # an option that a compiler does not know is an error
SOON: dict[str, bool | int] = {"xla_cpu_use_fusion_emitters": False} if KNOWN else {}
QUICK = SOON | {"xla_backend_optimization_level": 0} if KNOWN else {}  # where it runs a few times: a sixth to compile, twice to run
