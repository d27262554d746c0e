"""The top floor: command line, settings file, demo. It puts the rooms together and decides nothing else."""
