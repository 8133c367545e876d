"""Patterns of markdown, HTML, emoji and stage directions, which are removed from a text before it is spoken."""

from __future__ import annotations

import re

from services.text.character_classes import EMOJI

FENCED = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})[^`\n]*(?:\n.*?(?:^[ \t]*(?P=fence)[`~]*|\Z)|\Z)", re.DOTALL | re.M)
"""A code block, closed or cut off by the end."""
FENCE_END = re.compile(r"\A(?:(?!^[ \t]*(?:```|~~~)).)+^[ \t]*(?:`{3,}|~{3,})\s*\Z", re.DOTALL | re.M)
"""The rest of a code block that an earlier piece began."""
COMMENT = re.compile(r"<!--.{0,2000}?-->", re.DOTALL)
TAG = re.compile(r"</?[A-Za-z][\w-]{0,20}(?:\s[^<>]{0,200})?/?>")
"""An HTML tag."""
LINK = re.compile(r"!?\[(?P<text>[^\[\]\n]{0,200})\](?:\([^()\n]{0,400}\)|\[[^\[\]\n]{0,80}\])")
"""A link or an image; its text is spoken."""
FOOTNOTE = re.compile(r"\[\^[^\[\]\s]{1,40}\]:?")
AUTOLINK = re.compile(r"<(?P<address>(?:https?://|[\w.+-]{1,64}@)[^<>\s]{1,400})>")
RULE = re.compile(
    r"^[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|=+[ \t]*|(?=[^\n]*-)(?=[^\n]*\|)[ \t:|-]+)$", re.M
)
"""A line across the page, the underline of a heading, or the one below a table's head."""
LINE_MARKER = re.compile(r"^[ \t]*(?:>[ \t]?)*(?:#{1,6}[ \t]+|[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?|(?=\S))", re.M)
"""The marker of a heading, a quotation or a list item."""
INLINE_CODE = re.compile(r"(?P<ticks>`{1,3})(?P<code>[^`\n]{1,200})(?P=ticks)")
EMPHASIS = re.compile(r"\*+|~~|(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)|`+")
"""Emphasis markers, paired or not."""
ESCAPE = re.compile(r"\\(?P<character>[\\`*_{}\[\]()#+.!|~<>-])")
PICTURES = re.compile(rf"[{EMOJI}]+")
EMOTICON = re.compile(r"(?<!\S)(?:[:;=8][-'’^]?[)(\[\]DPpOo3|/\\*]|<3|[xX]D|\^_*\^)(?![^\s.!?])")
CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffc\ufffd]+"
)
"""Control and zero-width characters; tabs and line breaks are kept as spaces."""

SPAN = re.compile(
    r"(?P<stars>(?<!\*)\*(?![\s*])(?P<in_stars>[^*\n]{1,120}?)(?<!\s)\*(?!\*))|\((?P<in_round>[^()\n]{1,60})\)"
    r"|\[(?P<in_square>[^\[\]\n]{1,60})\]"
)
"""Text that may be a stage direction."""

_ACTIONS = frozenset(
    "sigh gasp laugh wink giggle cough ahem nod smile smirk grin chuckle yawn blush shrug hug pause whisper gulp sniff "
    "sob wave groan hiccup laughter applause beat silence scoff snort cry pout bow clap cheer".split()
)
_NO_ACTIONS = frozenset(
    "is was has does this his hers its ours yours theirs us yes as always perhaps besides sometimes thus plus less "
    "unless across various whereas towards afterwards nothing something anything everything being during bring "
    "thing king spring string morning evening according including news series class business process access success "
    "less happiness kindness princess miss boss glass grass".split()
)


def is_direction(match: re.Match[str]) -> bool:
    """Return whether a match of `SPAN` is a stage direction (`*waves*`) rather than words to speak."""
    content = match["in_stars"] or match["in_round"] or match["in_square"] or ""
    words = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", content.lower())
    if not words or len(words) > 12:
        return False
    alone = match["stars"] and not match.string[: match.start()].strip() and not match.string[match.end() :].strip()
    if alone and content[0].islower() and content[-1].isalpha() and len(words) > 1:
        return True  # *the room goes quiet*
    verb = words[1] if words[0].endswith("ly") and len(words) > 1 else words[0]
    if verb in _ACTIONS:
        return len(words) == 1 or match["in_round"] is None
    return verb.endswith(("s", "ing")) and len(verb) > 3 and verb not in _NO_ACTIONS and "'" not in verb
