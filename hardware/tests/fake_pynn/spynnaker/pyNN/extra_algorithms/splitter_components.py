class SplitterPopulationVertexFixed:
    def __str__(self):
        return "fixed"
