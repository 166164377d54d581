"""How many examples a property is tried with: few in the whole suite, many where CI runs the properties alone."""

import os

_USUAL = int(os.environ.get("PROPERTY_EXAMPLES", "25"))


def examples(times: float = 1.0) -> int:
    """For `settings(max_examples=…)`: `times` as many for a property that needs more of them to say much."""
    return round(times * _USUAL)
