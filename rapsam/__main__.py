"""`python -m rapsam`, for `torchrun -m rapsam train ...` and wherever the script is not on the path."""

from rapsam.cli.main import main

if __name__ == "__main__":
    main()
