"""Kills the assistant at random moments and looks at what is left: ``python -m evals.bench.torture``, or ``make torture``.

A round starts from a copy of a stored folder, runs one or two real processes on it (real SQLite, tantivy and Chroma), kills one
or both with ``kill -9`` at a moment drawn from the length of an unkilled run, and resumes in a fresh process, which checks:

- the doctor finds no problem, the catalog file is sound, and no index work is left open;
- every article is as its last acknowledgement says, with exactly that text; what was in the making is as before or as after;
- what was removed is neither found nor shown, and neither is the text of an earlier version;
- the passages of an article tile its text, and both indexes hold each of them once and nothing else;
- a word that only one article has finds it, and every stored vector is its own nearest neighbour;
- at the end of a round the same work is done again without a kill, and everything is as it was meant to be.

A process that has not ended within ``children.LIMIT`` seconds hangs. A failure keeps its folder, and the command exits 1.

Acknowledged is what a process wrote to its journal after the assistant reported it: a batch by its progress, the rest by a
report. The encoder is not the real one: whether anything is lost depends on neither its speed nor its quality, and with vectors
made of hashed words a kill costs seconds, so that two hundred are run. Processes are forked from one that has imported everything
and opened nothing: importing takes about 3 s, and a Chroma client does not survive a fork. Nothing else is faked, and nothing is
slowed down. What a power cut loses is not tested: the kernel still writes what a killed process had handed to it.

articles.py                invented articles, their vectors and their files
scenarios.py preparing.py  what is killed at what; the stored folders that rounds start from
children.py journals.py    what runs in the processes, what they say, and what may be found after it
checks.py                  what is wrong with a store
rounds.py __main__.py      the rounds of a scenario; the command and its table
"""
