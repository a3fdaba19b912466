"""Reports: curves and tables of runs, as pictures and as pages that open without a network."""
