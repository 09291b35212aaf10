"""Data: public archives and users' files -> two CSV files -> typed arrays with splits; and the synthetic sample."""
