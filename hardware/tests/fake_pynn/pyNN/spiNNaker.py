from pyNN import fake
from pyNN.fake import *  # noqa: F403

fake.MULTIPLIES_BY_INIT = True
