"""One file per group of commands; heavy imports happen inside them, so that ``--help`` stays quick."""
