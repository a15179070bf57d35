"""Is it a question? Announcements, introductions and polls are none. Pure.

In English, French, Spanish and Portuguese. Nothing here is sure, so each doubt is
decided for whom it costs less: a member who asks in unusual words is heard, a notice
of the staff is not answered. Words are compared without case and accents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from bot.topic import TopicView
from kb.accents import unaccented

# Who asks does so early; what comes later is the log.
_MAX_CHARS = 6_000
_NOT_THEIRS = "aside, blockquote, pre, code, .poll, script, style, .lightbox-wrapper"


@dataclass(frozen=True, slots=True)
class _Said:
    """Title and text as they are compared; *code*: there is a block of code."""

    title: str
    text: str
    code: bool
    poll: bool


def not_a_question(topic: TopicView) -> str:
    """Why a topic is no question, in words that stand after "it is left alone: ";
    empty when it is one, or may be."""
    said = _said(topic)
    if not _WORD.search(said.title + said.text) and not said.code:
        return "neither its title nor its text holds a word"
    if topic.pinned:
        return "it is pinned, as notices are"
    if _ABOUT_CATEGORY.match(said.title):
        return "it tells what its category is for"
    # Staff tells how to ask ("any questions?"); who has one says so in the title.
    asks_in_title = bool(_ASKS.search(said.title) or _TROUBLE.search(said.title))
    asks_itself = bool(_PLEADS.search(said.text))
    if topic.author_staff:
        return _of_staff(said, asks_in_title, asks_itself)
    return _of_member(said, asks_in_title, asks_itself)


def _of_staff(said: _Said, asks_in_title: bool, asks_itself: bool) -> str:
    if _NOTICE.search(said.title):
        return "it is an announcement by the staff"
    if said.poll:
        return "it is a poll by the staff"
    if asks_in_title or asks_itself:
        return ""
    return "the staff wrote it, and it asks nothing"


def _of_member(said: _Said, asks_in_title: bool, asks_itself: bool) -> str:
    if _OFFER.search(said.title) and not _ASKS.search(said.title):
        return "it is an announcement"
    if asks_in_title or said.code:
        return ""
    asks = asks_itself or bool(_TROUBLE.search(said.text))
    if said.poll and not asks:
        return "it is a poll"
    if _INTRODUCES.search(said.title) or _INTRODUCES_ITSELF.search(said.text[:300]):
        return "" if asks else "it introduces its author"
    # An announcement also says "any questions?", and hopes for no trouble.
    if _NOTICE.search(said.title) and not asks_itself:
        announces = _ANNOUNCES.search(said.text)
        if announces or not (asks or "?" in said.text):
            return "it is an announcement"
    if not asks and "?" not in said.text and _ANNOUNCES.search(said.text[:500]):
        return "it announces something and asks nothing"
    return ""


def _said(topic: TopicView) -> _Said:
    page = LexborHTMLParser(topic.opening or "<p></p>")
    code, poll = bool(page.css("pre")), bool(page.css(".poll"))
    for node in page.css(_NOT_THEIRS):
        node.decompose()
    for node in page.css("a"):
        # The question mark of an address asks nothing.
        if "://" in node.text():
            node.decompose()
    text = page.text(separator=" ")[:_MAX_CHARS]
    return _Said(_plain(topic.title), _plain(text), code, poll)


def _plain(text: str) -> str:
    bare = unaccented(text.replace("’", "'"))
    return " ".join(bare.replace("¿", "?").split())


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in parts))


_WORD = re.compile(r"[^\W_]")
_ABOUT_CATEGORY = _any(
    r"about the .+ category$",
    r"a propos de la categorie\b",
    r"acerca de la categoria\b",
    r"sobre a categoria\b",
)
# A question mark, or how questions begin; as titles they need no mark.
_ASKS = _any(
    r"\?",
    r"^(?:how|why|what|where|which|who|when|can|could|is|are|does|do|did|has|have|"
    r"should|any(?:one|body)?|unable|cannot|can't)\b",
    r"\b(?:how to|how do|how can|how would|is (?:it|there)|is this|are there|"
    r"any (?:idea|way|advice|suggestion|help)|question|help|advice|unable|possible|"
    r"looking for|need|want to|trying to|possibility|clarification|feature request)\b",
    r"^(?:comment|pourquoi|quel(?:le)?s?|ou|qui|quand|combien|est-ce|peut-on|puis-je|"
    r"faut-il|y a-t-il|impossible)\b",
    r"\b(?:comment (?:faire|puis|peut)|est-ce que|aide|besoin|question|demande|"
    r"impossible|recherche|cherche)\b",
    r"^(?:como|por que|porque|que|cual(?:es)?|donde|quien|cuando|cuanto|puedo|se puede|"
    r"hay|es posible|existe)\b",
    r"\b(?:ayuda|pregunta|duda|consulta|necesito|busco|imposible|no puedo)\b",
    r"^(?:qual|quais|onde|quem|quando|quanto|posso|pode|ha|e possivel)\b",
    r"\b(?:ajuda|pergunta|duvida|preciso|procuro|nao consigo)\b",
)
# What does not work; who reports it wants to know what to do.
_TROUBLE = _any(
    r"\b(?:errors?|exceptions?|bugs?|crash\w*|fail\w*|broken|breaks|stuck|freez\w+|"
    r"hangs?|problems?|issues?|trouble\w*|wrong|missing|lost|denied|refus\w+|invalid|"
    r"blank|empty|slow|not|never|no longer|cannot|can't|can not|doesn't|don't|won't|"
    r"isn't|aren't|didn't|wasn't|couldn't|unable|unexpected\w*|conflicts?|stop(?:s|"
    r"ped)|"
    r"corrupt\w*|timeout|time-out|warnings?|disappear\w*|stack ?trace|segfault)\b",
    r"\b[45]\d\d\b",
    r"\b(?:erreurs?|echec|echou\w+|plante\w*|panne|probleme\w*|souci\w*|bloqu\w+|"
    r"marche pas|marche plus|fonctionne (?:pas|plus)|ne \w+ (?:pas|plus)|"
    r"n'\w+ (?:pas|plus)|manqu\w+|vide|impossible)\b",
    r"\b(?:error(?:es)?|falla\w*|fallo\w*|problemas?|no (?:funciona|puedo|me|se|"
    r"aparece|"
    r"carga|abre)|roto|vaci[oa]|no \w+a)\b",
    r"\b(?:erros?|falha\w*|nao (?:funciona|consigo|abre|aparece|carrega)|quebrad\w+|"
    r"vazi[oa]|nao \w+)\b",
)
# Asks others for something, in the first person or straight out.
_PLEADS = _any(
    r"\b(?:i (?:want|need|would like|wonder|was wondering|am (?:trying|looking|having|"
    r"using|getting|unable|stuck|new to|facing|wondering|struggling)|have (?:a|an|some|"
    r"few|two) (?:question|problem|issue|doubt)|tried|try|get|got|can't|cannot|don't)|"
    r"i'm (?:trying|looking|having|getting|unable|stuck|facing|wondering|struggling|"
    r"not sure)|i'd like to (?:know|ask)|we (?:are (?:trying|facing|having|unable)|"
    r"want|need)|how (?:to|do|can|should|could|would)|can (?:any(?:one|body)|some(?:one"
    r"|body)|you|i|we)|could (?:any(?:one|body)|some(?:one|body)|you|i)|does any(?:one|"
    r"body)|do you (?:know|have)|has any(?:one|body)|is (?:there|it possible)|"
    r"are there|"
    r"any (?:idea|help|advice|suggestion|thought|clue|way|hint|tip)s?|please (?:help|"
    r"advise|assist|suggest|guide)|help me|thanks in advance|thank you in advance|"
    r"what (?:is|are|am|should|could|does|do)|why (?:is|are|does|do))\b",
    r"\b(?:je (?:cherche|voudrais|souhaite|n'arrive|ne|veux|me demande)|j'aimerais|"
    r"j'ai "
    r"(?:un|une|besoin)|quelqu'un|comment|pourquoi|est-ce|pouvez-vous|pourriez-vous|"
    r"merci (?:d'avance|de (?:m'aider|votre aide))|aidez|peut-on|puis-je|nous avons "
    r"besoin)\b",
    r"\b(?:quiero|necesito|quisiera|me gustaria|estoy (?:intentando|tratando|buscando)|"
    r"alguien|como (?:puedo|se|hago|podemos|lo)|por que|pueden|podrian|gracias de "
    r"antemano|agradezco|ayuda|no (?:puedo|se como|encuentro))\b",
    r"\b(?:quero|preciso|gostaria|estou (?:a tentar|tentando|procurando)|alguem|como "
    r"(?:posso|faco|fazer|podemos|se)|podem|poderiam|obrigad[oa] desde ja|agradeco|"
    r"ajuda|nao (?:consigo|sei|encontro))\b",
)
# Titles of what is told to everybody: releases, events, jobs, calls, minutes.
_NOTICE = _any(
    r"^\[?(?:announce\w*|ann|news|notice|release|event|job|webinar|invitation|fyi|"
    r"reminder|update|psa|welcome)\b\]?\s*(?:[:\-–—|!]|$)",
    r"\b(?:announc(?:ing|ement)|newsletter|press release|webinar|workshop|hackathon|"
    r"summer school|symposium|conference|meetup|bootcamp|academy registration|"
    r"save the date|register now|registration (?:is )?(?:now )?open|"
    r"call for (?:papers|abstracts|proposals|participation|applications|nominations)|"
    r"job (?:opening|posting|offer|opportunity|vacancy)|vacanc(?:y|ies)|"
    r"(?:is|we are|we're|now) hiring|"
    r"(?:phd|postdoc\w*|developer|engineer|research\w*|faculty|internship) positions?|"
    r"position available|scholarship|fellowship|"
    r"meeting (?:minutes|notes|agenda)|office hours|community (?:call|meeting)|"
    r"developer (?:call|meeting)|"
    r"(?:is|are) (?:now )?(?:available|released|out|live)\b|now available|released|"
    r"release (?:notes|announcement)|maintenance (?:window|notice)|"
    r"scheduled (?:maintenance|downtime)|new release|introducing|what's new|"
    r"join us|happy new year|terms of service|privacy policy|welcome to)\b",
    r"\b(?:annonce|communique|bulletin|webinaire|seminaire|atelier|conference|"
    r"inscriptions? (?:sont )?ouvertes?|appel a (?:candidatures|communications|"
    r"projets)|"
    r"offre d'emploi|recrutement|(?:est|sont) (?:maintenant )?disponibles?|"
    r"nouvelle version|notes de (?:version|publication)|compte rendu|bienvenue|"
    r"maintenance (?:prevue|programmee))\b",
    r"\b(?:anuncio|anunciamos|comunicado|boletin|seminario web|seminario|taller|"
    r"conferencia|inscripcion(?:es)? abiertas?|convocatoria|oferta de empleo|vacante|"
    r"ya (?:esta|estan) disponibles?|nueva version|notas de la version|"
    r"acta de la reunion|bienvenid[oa]s?|mantenimiento programado)\b",
    r"\b(?:comunicado|boletim|oficina de|conferencia|inscricoes abertas|chamada (?:de|"
    r"para) (?:trabalhos|artigos|propostas)|vaga(?:s)? (?:de|para)|"
    r"ja (?:esta|estao) disponive(?:l|is)|nova versao|notas da versao|ata da reuniao|"
    r"bem-vind[oa]s?|manutencao programada)\b",
)
# These are told to everybody, however their text pleads.
_OFFER = _any(
    r"^\[(?:announce\w*|ann|news|event|job|annonce|anuncio)\]",
    r"\b(?:call for (?:papers|abstracts|proposals|participation|applications)|"
    r"job (?:opening|posting|offer|opportunity|vacancy)|"
    r"(?:phd|postdoc\w*|developer|engineer|faculty|internship) positions?|"
    r"(?:is|now) hiring|terms of service|privacy policy)\b",
    r"\b(?:appel a (?:candidatures|communications)|offre d'emploi)\b",
    r"\b(?:convocatoria|oferta de (?:empleo|trabajo))\b",
    r"\b(?:chamada (?:de|para) (?:trabalhos|artigos|propostas)|oferta de emprego)\b",
)
# What is told so in a text that has something to tell.
_ANNOUNCES = _any(
    r"\b(?:(?:we are|we're|i am|i'm) (?:very |so )?(?:pleased|happy|excited|delighted|"
    r"thrilled|proud|glad) to (?:announce|share|invite|release|present|introduce|"
    r"inform)|"
    r"(?:we|i) (?:would|'d) like to (?:announce|invite|share|introduce|present)|"
    r"(?:has|have) been released|is now available|are now available|"
    r"(?:please )?(?:register|apply|rsvp)(?: now)? (?:here|at|by|before|via|today)|"
    r"deadline (?:is|for)|registration (?:is|link|opens|closes)|"
    r"(?:you are|you're|everyone is) (?:cordially )?invited|join us|"
    r"we are (?:hiring|looking for a|seeking)|just wanted to (?:share|announce))\b",
    r"\b(?:(?:nous (?:avons|sommes)|j'ai) (?:le plaisir|la joie|heureux|ravis)|"
    r"nous vous "
    r"invitons|vous etes (?:cordialement )?invites|inscrivez-vous|date limite|"
    r"est (?:desormais|maintenant) disponible|vient de sortir)\b",
    r"\b(?:(?:nos|me) complace|tenemos el (?:placer|gusto)|los invitamos|les invitamos|"
    r"estan (?:todos )?invitados|inscribase|inscribete|fecha limite|"
    r"ya esta disponible)\b",
    r"\b(?:temos o prazer|e com prazer|convidamos|estao (?:todos )?convidados|"
    r"inscreva-se|inscrevam-se|data limite|ja esta disponivel)\b",
)
_INTRODUCES = _any(
    r"^(?:(?:hello|hi|greetings|hey)(?: (?:everyone|all|everybody|from .+|world|"
    r"there|community))*[!.]*$)",
    r"\b(?:introduc(?:e|ing) (?:myself|yourself|yourselves)|introductions?$|"
    r"my introduction|new (?:member|here)$|let me introduce)\b",
    r"^(?:bonjour a tous|presentation$|presentations$|je me presente)[!.]*",
    r"^(?:hola a tod[oa]s|me presento|presentacion$|presentaciones$)[!.]*",
    r"^(?:ola a tod[oa]s|apresentacao$|apresentacoes$|apresento-me)[!.]*",
)
_INTRODUCES_ITSELF = _any(
    r"\b(?:(?:let me|i want to|i'd like to|i would like to|allow me to) introduce "
    r"myself|i am new (?:here|to (?:this|the) (?:forum|community)) and (?:just )?"
    r"(?:want|wanted) to say)\b",
    r"\b(?:je me presente|permettez-moi de me presenter)\b",
    r"\b(?:me presento|quiero presentarme|permitanme presentarme)\b",
    r"\b(?:apresento-me|gostaria de me apresentar|venho apresentar-me)\b",
)
