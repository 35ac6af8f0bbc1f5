from pyNN import fake
from pyNN.fake import *  # noqa: F403
from pyNN.fake import Population as Plain

fake.MULTIPLIES_BY_INIT = True


class Population(Plain):
    """Refuses what s16.15 does not hold, as sPyNNaker does when it writes its data."""

    def __init__(self, n, cells, label, **more):
        values = [x for name, column in cells.parameters.items() if name != "spike_times" for x in column]
        assert all(-65536 <= x <= 65536 - 2**-15 for x in values), "out of range"
        super().__init__(n, cells, label, **more)
