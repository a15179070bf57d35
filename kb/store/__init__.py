"""The truth: one SQLite file, opened with `Store.open`.

SQL lives in this package alone. Each module is one part of the store and is
reached as an attribute: ``store.documents``, ``store.passages``, ``store.links``,
``store.evidence``, ``store.columns``, ``store.templates``, ``store.progress``,
``store.loose``, ``store.looks``, ``store.ledger``, ``store.fetches``,
``store.editions``, ``store.targets``, ``store.works``, ``store.parallel``,
``store.activity``; of the bot ``store.messages``,
``store.feedback``, ``store.members``, ``store.pauses``, ``store.deliveries``; of the
moderators' report ``store.verdicts``, ``store.profiles``, ``store.upkeep``; of the
query endpoint ``store.api_keys``, ``store.searches``.
"""

from kb.store.activity import Activity, PostRow, PostText, ThreadRow
from kb.store.connection import Store
from kb.store.deliveries import Deliveries
from kb.store.documents import Documents
from kb.store.editions import Editions
from kb.store.embeddings import EmbeddingCache
from kb.store.evidence import Evidence
from kb.store.feedback import Feedback, Mark, Rating
from kb.store.fetches import Fetch, Fetches
from kb.store.holdings import Coverage, Held, Holdings
from kb.store.keys import ApiKey, ApiKeys
from kb.store.ledger import Decision, Ledger, State
from kb.store.links import Links
from kb.store.looks import CATEGORIES, Look, Looks
from kb.store.members import NOBODY, Forgotten, Member, Members
from kb.store.messages import Message, Messages
from kb.store.parallel import Parallel
from kb.store.passages import Passages
from kb.store.pauses import Pause, Pauses
from kb.store.profiles import Profile, Profiles
from kb.store.progress import Progress, SetAside, SourceState
from kb.store.searches import Miss, SearchDay, Searches
from kb.store.targets import Target, Targets
from kb.store.templates import LearnedTemplates, Post, TemplateSet
from kb.store.upkeep import Upkeep
from kb.store.verdicts import Verdict, VerdictOrigin, Verdicts
from kb.store.works import Works

__all__ = [
    "CATEGORIES",
    "NOBODY",
    "Activity",
    "ApiKey",
    "ApiKeys",
    "Coverage",
    "Decision",
    "Deliveries",
    "Documents",
    "Editions",
    "EmbeddingCache",
    "Evidence",
    "Feedback",
    "Fetch",
    "Fetches",
    "Forgotten",
    "Held",
    "Holdings",
    "LearnedTemplates",
    "Ledger",
    "Links",
    "Look",
    "Looks",
    "Mark",
    "Member",
    "Members",
    "Message",
    "Messages",
    "Miss",
    "Parallel",
    "Passages",
    "Pause",
    "Pauses",
    "Post",
    "PostRow",
    "PostText",
    "Profile",
    "Profiles",
    "Progress",
    "Rating",
    "SearchDay",
    "Searches",
    "SetAside",
    "SourceState",
    "State",
    "Store",
    "Target",
    "Targets",
    "TemplateSet",
    "ThreadRow",
    "Upkeep",
    "Verdict",
    "VerdictOrigin",
    "Verdicts",
    "Works",
]
