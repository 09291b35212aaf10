"""The study as a whole: headless runs, notebook parameters, what ships, the tables in the documents."""
