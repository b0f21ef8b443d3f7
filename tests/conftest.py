"""What all tests share: the environment that a Lambda would be given."""

import os

from tests.kit.shop import ENVIRONMENT

for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
