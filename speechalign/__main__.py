"""Run the command line as ``python -m speechalign``."""

from speechalign.cli.main import main

if __name__ == "__main__":
    main()
