"""Lexers that feed the delimiters of one kind of text to a stack.

Each regular expression consumes in linear time whatever the text: possessive repeats, no repeat
over an alternation that can match the same byte twice.
"""

import re
from collections.abc import Callable, Iterator

from analysis.structure.delimiters.stack import STANDALONE, Stack

Lexer = Callable[[bytes, Stack], None]

BRACKETS = {b"(": ")", b"[": "]", b"{": "}"}
WIKI_OPENERS = {b"[[": "]]", b"{{": "}}", b"{|": "|}", b"(": ")"}
WIKI_MARKUP = frozenset({"]]", "}}"})
"""Links and templates, in which round brackets are just characters."""

C = re.compile(
    rb"""(?P<comment>/\*(?>(?:[^*]++|\*(?!/))*)\*/)
    | (?P<endless>/\*)
    | //[^\n]*
    | ^[ \t]*\#[ \t]*(?P<branch>if|el|endif)
    | (?P<string>"(?>(?:[^"\\\n]++|\\.)*)")
    | (?P<broken>"[^\n]*)
    | '(?:[^'\\\n]|\\.){1,4}'
    | (?P<start>^\{) | (?P<end>^\}(?!\)|[ ]while))
    | (?P<open>[(\[{]) | (?P<close>[)\]}])""",
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
PYTHON = re.compile(
    rb"""\#[^\n]*
    | (?P<long>\"{3}(?>(?:[^"\\\n]++|\\.|"(?!"")|\n(?!(?:async[ ])?(?:def|class)[ ]\w+[(:]))*)\"{3}
      | '{3}(?>(?:[^'\\\n]++|\\.|'(?!'')|\n(?!(?:async[ ])?(?:def|class)[ ]\w+[(:]))*)'{3})
    | (?P<endless>\"{3}|'{3})
    | (?P<string>"(?>(?:[^"\\\n]++|\\.)*)" | '(?>(?:[^'\\\n]++|\\.)*)')
    | (?P<broken>["'][^\n]*)
    | (?P<start>^(?:
        (?:async[ ])?(?:def|class)[ ]\w+(?=[(:]) | @\w | import[ ]\w | from[ ][\w.]+[ ]import))
    | (?P<open>[(\[{]) | (?P<close>[)\]}])""",
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
PYTHON_HEAD = re.compile(rb"^(?:async )?(?:def|class) \w+[(:]", re.MULTILINE)
"""No long string holds such a line: there a forgotten end is noticed."""
LATEX = re.compile(
    rb"""%[^\n]*
    | \\(?:begin|end)\{document\}
    | \\begin\{(?P<begin>[A-Za-z*]{1,40})\}
    | \\end\{(?P<end>[A-Za-z*]{1,40})\}
    | (?P<section>(?<!\[)\\(?:sub)*section\b)
    | \\(?P<display>[\[(]) | \\(?P<undisplay>[\])])
    | \\.
    | (?P<math>\$\$?)
    | (?P<open>\{) | (?P<close>\})
    | (?P<blank>\n[ \t\r]*\n)""",
    re.VERBOSE | re.DOTALL,
)
VERBATIM_END = re.compile(rb"\\end\{verbatim\}")

WIKIPEDIA = re.compile(
    rb"""(?P<page><page>)
    | </?mediawiki[^<>]{0,400}>
    | <(?P<slash>/?)(?P<tag>[a-z][a-z0-9]{0,20})(?:[ ][^<>\n]{0,400}?)?(?P<empty>/?)>
    | (?P<comment>&lt;!--)
    | &lt;(?P<literal>nowiki|math|source|syntaxhighlight|pre|score)(?:[ ][^&\n]{0,400})?&gt;
    | &lt;(?P<cut>/?)(?P<markup>ref|small|sup|sub|div|span|center|gallery|blockquote|big|tt|code)
      (?:[ ](?:(?!&[lg]t;)[^\n]){0,400})?&gt;
    | (?P<link>\[(?:https?:)?//(?>(?:[^\[\]\n]++|\[\[[^\[\]\n]*\]\])*)\])
    | (?P<unlink>\[(?:https?:)?//[^\[\]\n]*)
    | (?P<open>\[\[|\{\{|\{\||\() | (?P<close>\]\]|\}\}|\|\}(?!\})|\))
    | (?P<blank>\n[ \t]*\n)""",
    re.VERBOSE | re.DOTALL,
)
PARAGRAPH = frozenset({")", "]", '"', "”", "]]"})
MATH = frozenset({"$", "$$", "\\]", "\\)"})

QUOTATION_MARK = frozenset({'"'})
SPACES = frozenset({b"", b" ", b"\n", b"\r", b"\t"})
OPENS_AFTER = SPACES | {b"(", b"[", b"-", b"'"}
CLOSES_BEFORE = SPACES | {bytes([byte]) for byte in b",.;:!?)-']"}

PROSE = re.compile(
    rb"""(?P<quote>")
    | (?P<curly>\xe2\x80\x9c) | (?P<uncurly>\xe2\x80\x9d)
    | (?P<open>[(\[]) | (?P<close>[)\]])
    | (?P<blank>\n[ \t\r]*\n)""",
    re.VERBOSE,
)


def c(text: bytes, stack: Stack) -> None:
    """C in kernel style: a brace in the first column starts or ends a function or type."""
    for match in C.finditer(text):
        at = match.start()
        match match.lastgroup:
            case "open":
                stack.open(at, BRACKETS[match[0]])
            case "close":
                stack.close(at, match[0].decode())
            case "comment":
                stack.pair(at, match.end() - 2, "*/")
            case "string":
                stack.pair(at, match.end() - 1, '"')
            case "start":
                stack.synchronise(at)
                stack.open(at, "}")
            case "end":
                stack.close_outermost(at, "}")
            case "branch":
                stack.branch(match["branch"].decode())
            case "broken":
                stack.fail(at, match.end(), '"')
            case "endless":
                stack.open(at, "*/")
                return


def python_tokens(text: bytes) -> Iterator[tuple[str, int, int]]:
    """Group, start and stop of each token of `PYTHON`; a long string that does not end before the
    next definition stops there.
    """
    position = 0
    while match := PYTHON.search(text, position):
        position = match.end()
        if match.lastgroup == "endless":
            head = PYTHON_HEAD.search(text, position)
            position = head.start() if head else len(text)
        yield match.lastgroup or "comment", match.start(), position


def python(text: bytes, stack: Stack) -> None:
    """Python: a statement in the first column is outside every bracket."""
    for token, at, stop in python_tokens(text):
        match token:
            case "open":
                stack.open(at, BRACKETS[text[at:stop]])
            case "close":
                stack.close(at, text[at:stop].decode())
            case "long":
                stack.pair(at, stop - 3, text[at : at + 3].decode())
            case "string":
                stack.pair(at, stop - 1, text[at : at + 1].decode())
            case "start":
                stack.synchronise(at)
            case "broken":
                stack.fail(at, stop, text[at : at + 1].decode())
            case "endless" if stop < len(text):
                stack.fail(at, stop, text[at : at + 3].decode())
            case "endless":
                stack.open(at, text[at : at + 3].decode())


def latex(text: bytes, stack: Stack) -> None:
    """LaTeX: a blank line ends broken math; theorems, proofs and sections stand by themselves."""
    verbatim_until = 0
    for match in LATEX.finditer(text):
        at = match.start()
        if at < verbatim_until:
            continue
        match match.lastgroup:
            case "math":
                _dollars(at, match[0].decode(), stack)
            case "open":
                stack.open(at, "}")
            case "close":
                stack.close(at, "}")
            case "begin":
                closer = f"\\end{{{match['begin'].decode()}}}"
                if closer in STANDALONE:
                    stack.synchronise(at)
                stack.open(at, closer)
                if match["begin"] == b"verbatim":
                    end = VERBATIM_END.search(text, at)
                    verbatim_until = end.start() if end else len(text)
            case "end":
                stack.close(at, match[0].decode())
            case "display":
                stack.open(at, "\\]" if match["display"] == b"[" else "\\)")
            case "undisplay":
                stack.close(at, match[0].decode())
            case "section":
                stack.synchronise(at)
            case "blank":
                stack.synchronise(at, MATH)


def _dollars(at: int, mark: str, stack: Stack) -> None:
    if mark == "$$" and stack.awaits("$"):
        _dollars(at, "$", stack)
        _dollars(at + 1, "$", stack)
    elif stack.awaits(mark):
        stack.close(at, mark)
    else:
        stack.open(at, mark)


def wikipedia(text: bytes, stack: Stack) -> None:
    """A dump of wikitext in XML: tags of the dump, escaped tags of the markup, brackets."""
    literal_until = 0
    absent: set[str] = set()
    for match in WIKIPEDIA.finditer(text):
        at = match.start()
        if at < literal_until:
            continue
        match match.lastgroup:
            case "open" if match[0] != b"(" or stack.top not in WIKI_MARKUP:
                stack.open(at, WIKI_OPENERS[match[0]])
            case "close" if match[0] != b")" or stack.top not in WIKI_MARKUP:
                stack.close(at, match[0].decode())
            case "link":
                stack.pair(at, match.end() - 1, "]")
            case "unlink":
                stack.fail(at, match.end(), "]")
            case "page":
                stack.synchronise(at)
                stack.open(at, "</page>")
            case "empty" if not match["empty"]:
                closer = f"</{match['tag'].decode()}>"
                (stack.close if match["slash"] else stack.open)(at, closer)
            case "comment" | "literal":
                literal = match["literal"]
                closer = f"&lt;/{literal.decode()}&gt;" if literal else "--&gt;"
                end = -1 if closer in absent else text.find(closer.encode(), at)
                if end >= 0:
                    stack.pair(at, end, closer)
                    literal_until = end + len(closer)
                else:
                    absent.add(closer)
                    stack.open(at, closer)
            case "markup" if not match[0].endswith(b"/&gt;"):
                closer = f"&lt;/{match['markup'].decode()}&gt;"
                (stack.close if match["cut"] else stack.open)(at, closer)
            case "blank":
                stack.synchronise(at, PARAGRAPH)


def prose(text: bytes, stack: Stack) -> None:
    """Prose: quotation marks and brackets, which end with the paragraph.

    A paragraph that starts with a quotation mark while one is open continues the speech.
    """
    continued = -1
    for match in PROSE.finditer(text):
        at = match.start()
        match match.lastgroup:
            case "quote" if at != continued:
                _quotation_mark(text, at, stack)
            case "curly":
                stack.open(at, "”")
            case "uncurly":
                stack.close(at, "”")
            case "open":
                stack.open(at, BRACKETS[match[0]])
            case "close":
                stack.close(at, match[0].decode())
            case "blank":
                if text[match.end() : match.end() + 1] == b'"' and stack.awaits('"'):
                    continued = match.end()
                    stack.continue_from(continued, '"')
                    stack.synchronise(at, PARAGRAPH - {'"'})
                else:
                    stack.synchronise(at, PARAGRAPH)


def _quotation_mark(text: bytes, at: int, stack: Stack) -> None:
    """Its neighbours say which way it faces; where they do not, marks alternate."""
    before, after = text[at - 1 : at] if at else b"", text[at + 1 : at + 2]
    opens = before in OPENS_AFTER and after not in SPACES
    closes = before not in SPACES and after in CLOSES_BEFORE
    if opens == closes:
        opens = not stack.awaits('"')
    if opens:
        stack.synchronise(at, QUOTATION_MARK)
        stack.open(at, '"')
    else:
        stack.close(at, '"')


def names(text: bytes, stack: Stack) -> None:
    """Lists of names have no delimiters."""


LEXERS: dict[str, Lexer] = {
    "c": c,
    "python": python,
    "latex": latex,
    "wikipedia": wikipedia,
    "prose": prose,
    "shakespeare": prose,
    "names": names,
}
