"""Reports: curves and tables of runs, as pictures and as self-contained pages."""
