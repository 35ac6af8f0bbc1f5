"""A stand-in for PyNN: a simulator of a few lines, in doubles, that writes down what it was asked for."""
