from pyNN import fake
from pyNN.fake import *  # noqa: F403

fake.LATE = 1
