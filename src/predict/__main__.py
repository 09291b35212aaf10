"""Starts `python -m src.predict`, see src/predict/program.py, without what Python would do for nothing."""

import gc

gc.disable()  # loading makes a hundred thousand objects and no garbage: looking for it takes a tenth of a second
from src.predict.program import main  # noqa: E402

gc.freeze()  # what is loaded stays: it is not looked through again, nor taken apart in the end
gc.enable()

if __name__ == "__main__":
    main()
