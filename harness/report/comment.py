"""What runs came to as one comment on a pull request: what did not pass in full, what did folded away, and nobody called by it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

CHARS_MAX = 60_000
"""GitHub takes no comment of more than 65,536 characters."""
_JOINER = "\u2060"
_TITLE = re.compile(r"## (?P<verdict>[A-Z]+):(?P<rest>.*)")
_CODE = re.compile(r"(^```+.*?^```+$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
# What GitHub makes a link of, or a message to somebody, in text that is escaped for Markdown too: it looks at what is shown.
_CALLS = re.compile(r"[@#](?=\w)|(?<=:)//|\bwww(?=\.)|\bGH-(?=\d)")


def marker(key: str) -> str:
    """What the comment of *key* begins with, unseen, by which the next run finds it again."""
    return f"<!-- resilience-harness {re.sub(r'[^A-Za-z0-9._ -]', '', key)} -->"


def comment(key: str, pages: Sequence[str], *, commit: str = "", link: str = "") -> str:
    """The comment of *key* from the summaries of runs, of trials, or of comparisons, each of which begins with its verdict."""
    verdicts = [_verdict(page) for page in pages]
    passed = sum(verdict == "PASS" for verdict in verdicts)
    told = f"{passed} of {len(pages)} passed" if pages else "Nothing was run"
    at = f" at `{commit[:7]}`" if re.fullmatch(r"[0-9a-f]{7,64}", commit) else ""
    head = [marker(key), f"### Resilience: {told}{at}", ""]
    head += [f"[The reports and the log]({link})", ""] if link.startswith("https://") else []
    parts = ["\n".join(head)]
    # What did not pass first, since what does not fit is left out.
    for page in sorted(pages, key=lambda page: _verdict(page) == "PASS"):
        part = _folded(page) if _verdict(page) == "PASS" else quiet(page)
        if sum(map(len, parts)) + len(part) > CHARS_MAX:
            parts.append(f"{len(pages) - len(parts) + 1} more do not fit here.\n")
            break
        parts.append(part)
    return "\n".join(parts)


def quiet(text: str) -> str:
    """Markdown that calls nobody, refers to no issue and links to no address that stands in it; what is in code stays as it is."""
    parts = _CODE.split(text)
    parts[::2] = [_CALLS.sub(lambda match: f"{match[0]}{_JOINER}", part) for part in parts[::2]]
    return "".join(parts)


def _verdict(page: str) -> str:
    match = _TITLE.match(page)
    return match["verdict"] if match else ""


def _folded(page: str) -> str:
    title, _, rest = page.partition("\n")
    shown = escape(re.sub(r"\\(.)", r"\1", title.removeprefix("## ")))
    return f"<details><summary>{quiet(shown)}</summary>\n\n{quiet(rest.strip())}\n\n</details>\n"
