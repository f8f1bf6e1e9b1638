"""Runs in which services made of real SDKs ask over the real wire, and everybody counts: what metrics say is held against those counts.

::

    course ──▶ service ──▶ SDK ──▶ wire ──▶ provider
       │          ╰ says what it did     ╰ says what it was asked
       ╰──▶ evidence ──▶ metric  ==  truth of the counts

A run takes as long as its requests, asked one after the other: each is put at the time at which it is due (`course`), and so is what the
wire wrote of it.
"""
