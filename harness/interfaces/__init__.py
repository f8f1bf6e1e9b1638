"""How people and programs come in: the command line, what is shown while a run goes on, and what can be listed."""
