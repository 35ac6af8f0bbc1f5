import os


def get_config_bool(section, option):
    assert (section, option) == ("Machine", "virtual_board")
    return "FAKE_PYNN_VIRTUAL" in os.environ
