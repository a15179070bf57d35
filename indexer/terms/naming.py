"""Which language a file of translations is in, by its name. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kb.tongues import primary, tag

# ISO 639-1, and the longer codes that interfaces are often in. Others are names of
# things more often ("app", "new"): of these the config tells, by a rule.
_CODES = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs
    cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha
    he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn
    ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb
    nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd
    se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw
    ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ckb prs fil tet
    """.split()  # noqa: SIM905 - two hundred codes read best as they are
)
# The name of a file up to its first suffix, with what may name a language at its end.
_STEM_END = re.compile(
    r"(?:^|[._-])(?P<code>[A-Za-z]{2,3}(?:[_-][A-Za-z]{4})?(?:[_-](?:[A-Za-z]{2}|\d{3}))?)$"
)
_ANDROID = re.compile(r"values(?:-(?P<code>(?:b\+)?[A-Za-z0-9+-]+))?")


@dataclass(frozen=True, slots=True)
class Named:
    """What a name tells.

    Attributes:
        language: ``None`` where it tells none.
        family: What the same file has in every language.
    """

    language: str | None
    family: str


def named(path: str) -> Named:
    """The language in the name of a file, else of one of its folders.

    >>> for path in ("i18n/app_pt_BR.properties", "po/fr.po", "fr/LC_MESSAGES/app.po",
    ...              "res/values-es-r419/strings.xml", "app.properties"):
    ...     print(named(path))
    Named(language='pt-BR', family='i18n/app*.properties')
    Named(language='fr', family='po/*.po')
    Named(language='fr', family='*/LC_MESSAGES/app.po')
    Named(language='es-419', family='res/values/strings.xml')
    Named(language=None, family='app*.properties')
    """
    *folders, name = path.split("/")
    for index, folder in enumerate(folders):
        android = _ANDROID.fullmatch(folder)
        if android and name.endswith(".xml"):
            family = "/".join([*folders[:index], "values", *folders[index + 1 :], name])
            return Named(_android(android["code"]), family)
    stem, dot, suffix = name.partition(".") if name.count(".") < 2 else _parted(name)
    found = _STEM_END.search(stem)
    before = "/".join([*folders, ""])
    while found and not (code := known_tag(found["code"])):
        # "app_fr": what looks like a language and a region is a word and a language.
        found = _STEM_END.search(stem, found.start("code") + 1)
    if found and code:
        cut = stem[: max(found.start("code") - 1, 0)]
        return Named(code, f"{before}{cut}*{dot}{suffix}")
    for index in reversed(range(len(folders))):
        if code := known_tag(folders[index]):
            return Named(
                code, "/".join([*folders[:index], "*", *folders[index + 1 :], name])
            )
    # The file that others translate often has no language in its name.
    return Named(None, f"{before}{stem}*{dot}{suffix}")


def known_tag(text: str) -> str | None:
    """*text* as the code of a language that interfaces are translated into.

    >>> known_tag("pt_BR"), known_tag("app")
    ('pt-BR', None)
    """
    code = tag(text)
    return code if code and primary(code) in _CODES else None


def _android(code: str | None) -> str | None:
    if code is None:
        return None
    return known_tag(code.removeprefix("b+").replace("+", "-"))


def _parted(name: str) -> tuple[str, str, str]:
    """A name with dots in it, as ``app.fr.po`` or ``terms.jsonl.gz``."""
    packed = name.endswith(".gz")
    stem, dot, suffix = name.removesuffix(".gz").rpartition(".")
    return stem, dot, f"{suffix}.gz" if packed else suffix
