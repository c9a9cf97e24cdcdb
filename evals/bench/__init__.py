"""How fast it is: a corpus to measure with, adding (``make bench-add``) and asking (``make bench-ask``), each a table.

corpus.py                        any number of different invented articles
add.py adding.py encoding.py     adding: words, one article, a cold start, a sync; vectors beside plain ``encode``
neighbours.py                    two processes and a chat: is every vector found again?
ask.py                           questions at 1,000, 20,000 and 250,000 passages
starter.py                       the five lines of LlamaIndex that both are compared with
building.py                      data folders of a given size, built once
torture/                         what ``kill -9`` at random moments leaves (``make torture``)
results.py measuring.py          what was measured, as JSON and as a table; clocks and processes
"""
