"""Numbered migrations; each runs once, in a transaction of its own.

A published migration is never edited: a change of the schema is a new one at
the end, with `SCHEMA_VERSION` raised to its number.
"""

from __future__ import annotations

import uuid

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

# "BRZA": tells our files from other SQLite databases (`file` shows it, too).
APPLICATION_ID = 0x42525A41
SCHEMA_VERSION = 8

MIGRATIONS = Migrations("baraza")


def _run(db: Database, script: str) -> None:
    # Not executescript: it would commit the migration's transaction.
    for statement in script.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)


@MIGRATIONS(name="001_start")
def _start(db: Database) -> None:
    _run(
        db,
        """
        CREATE TABLE meta (
            key TEXT PRIMARY KEY,
            value TEXT NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE sources (
            name TEXT PRIMARY KEY,
            -- where the source goes on; opaque JSON of the source's own making
            cursor TEXT,
            -- number of the walk in progress, and of the last complete one
            walk INTEGER NOT NULL DEFAULT 0,
            complete_walk INTEGER NOT NULL DEFAULT 0,
            started_at TEXT,
            finished_at TEXT,
            last_error TEXT
        ) WITHOUT ROWID;

        CREATE TABLE documents (
            -- AUTOINCREMENT: an id is never used again, so that an index that
            -- still holds a deleted one cannot show another document for it
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL,
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            url TEXT NOT NULL,
            title TEXT NOT NULL,
            language TEXT,
            visibility TEXT NOT NULL,
            category TEXT,
            tags TEXT NOT NULL,
            version TEXT,
            created_at TEXT,
            updated_at TEXT,
            solved INTEGER NOT NULL,
            closed INTEGER NOT NULL,
            listed INTEGER NOT NULL,
            views INTEGER NOT NULL,
            parts_count INTEGER NOT NULL,
            revision TEXT NOT NULL,
            content_hash TEXT NOT NULL,
            chunker TEXT NOT NULL,
            -- last walk of its source that met it; others have left
            walk INTEGER NOT NULL,
            UNIQUE (source, key)
        );
        CREATE INDEX documents_url ON documents (url);
        CREATE INDEX documents_walk ON documents (source, walk);

        CREATE TABLE parts (
            document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
            number INTEGER NOT NULL,
            body TEXT NOT NULL,
            format TEXT NOT NULL,
            external_id INTEGER,
            author_id INTEGER,
            author TEXT,
            created_at TEXT,
            updated_at TEXT,
            likes INTEGER NOT NULL,
            accepted INTEGER NOT NULL,
            reply_to INTEGER,
            PRIMARY KEY (document_id, number)
        ) WITHOUT ROWID;
        CREATE INDEX parts_author ON parts (author_id);
        CREATE INDEX parts_external ON parts (external_id);

        CREATE TABLE passages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
            part_number INTEGER NOT NULL,
            ordinal INTEGER NOT NULL,
            anchor TEXT NOT NULL,
            heading TEXT NOT NULL,
            text TEXT NOT NULL,
            language TEXT,
            visibility TEXT NOT NULL,
            opening INTEGER NOT NULL,
            content_hash TEXT NOT NULL,
            created_at TEXT,
            generation INTEGER NOT NULL
        );
        CREATE INDEX passages_document ON passages (document_id, ordinal);
        CREATE INDEX passages_generation ON passages (generation);

        -- passages that are gone, for indexes that still hold them; a trigger,
        -- so that no way of deleting can forget it
        CREATE TABLE tombstones (
            passage_id INTEGER PRIMARY KEY,
            generation INTEGER NOT NULL
        );
        CREATE INDEX tombstones_generation ON tombstones (generation);
        CREATE TRIGGER passages_deleted AFTER DELETE ON passages BEGIN
            INSERT INTO tombstones (passage_id, generation) VALUES (
                old.id,
                (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation')
            ); END;

        CREATE TABLE set_aside (
            source TEXT NOT NULL,
            key TEXT NOT NULL,
            reason TEXT NOT NULL,
            times INTEGER NOT NULL,
            first_at TEXT NOT NULL,
            last_at TEXT NOT NULL,
            PRIMARY KEY (source, key)
        ) WITHOUT ROWID;

        CREATE TABLE decisions (
            forum TEXT NOT NULL,
            topic_id INTEGER NOT NULL,
            title TEXT NOT NULL,
            mode TEXT NOT NULL,
            state TEXT NOT NULL,
            reasons TEXT NOT NULL,
            suggestions TEXT NOT NULL,
            body TEXT,
            post_id INTEGER,
            post_url TEXT,
            decided_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            PRIMARY KEY (forum, topic_id)
        ) WITHOUT ROWID;
        CREATE INDEX decisions_updated ON decisions (updated_at);

        -- where the bot's watch goes on, per forum
        CREATE TABLE watches (
            forum TEXT PRIMARY KEY,
            topic_id INTEGER NOT NULL,
            updated_at TEXT NOT NULL
        ) WITHOUT ROWID;
        """,
    )
    db.conn.execute("INSERT INTO meta VALUES ('uuid', ?)", [str(uuid.uuid4())])
    db.conn.execute("INSERT INTO meta VALUES ('generation', '0')")


@MIGRATIONS(name="002_whole_forum")
def _whole_forum(db: Database) -> None:
    _run(
        db,
        """
        ALTER TABLE documents ADD COLUMN category_id INTEGER;
        ALTER TABLE documents ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE documents ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE documents ADD COLUMN likes INTEGER NOT NULL DEFAULT 0;
        -- when all of it was last compared with its source
        ALTER TABLE documents ADD COLUMN verified_at TEXT;
        -- its url as links to it are compared, see `links`
        ALTER TABLE documents ADD COLUMN link_key TEXT NOT NULL DEFAULT '';
        CREATE INDEX documents_verified ON documents (source, verified_at);
        CREATE INDEX documents_category ON documents (source, category_id);
        CREATE INDEX documents_link_key ON documents (link_key);

        ALTER TABLE parts ADD COLUMN staff INTEGER NOT NULL DEFAULT 0;

        -- parts whose text we do not hold: known, so that a document can be
        -- told to be complete
        CREATE TABLE left_out (
            document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
            external_id INTEGER NOT NULL,
            number INTEGER NOT NULL,
            cause TEXT NOT NULL,
            PRIMARY KEY (document_id, external_id)
        ) WITHOUT ROWID;
        CREATE INDEX left_out_external ON left_out (external_id);

        -- parts that were read before the rest of their document; a cause marks
        -- one whose text we must not hold
        CREATE TABLE loose_parts (
            source TEXT NOT NULL,
            key TEXT NOT NULL,
            external_id INTEGER NOT NULL,
            number INTEGER NOT NULL,
            body TEXT NOT NULL,
            format TEXT NOT NULL,
            author_id INTEGER,
            author TEXT,
            created_at TEXT,
            updated_at TEXT,
            likes INTEGER NOT NULL,
            accepted INTEGER NOT NULL,
            reply_to INTEGER,
            staff INTEGER NOT NULL,
            cause TEXT,
            category_id INTEGER,
            PRIMARY KEY (source, key, external_id)
        ) WITHOUT ROWID;
        -- a part is replaced by its own id alone; keys are counted after each page of
        -- a feed, which must not read all bodies
        CREATE UNIQUE INDEX loose_external ON loose_parts (source, external_id);
        CREATE INDEX loose_keys ON loose_parts (source, key);

        -- documents that must be read soon, and why: a webhook told of them, or
        -- a part of theirs was not where it should be
        CREATE TABLE looks (
            source TEXT NOT NULL,
            key TEXT NOT NULL,
            reason TEXT NOT NULL,
            -- of the first and of the latest hint: one that comes while the
            -- document is being read must outlive that
            at TEXT NOT NULL,
            last_at TEXT NOT NULL,
            PRIMARY KEY (source, key)
        ) WITHOUT ROWID;

        -- who linked what
        CREATE TABLE links (
            document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
            part_number INTEGER NOT NULL,
            ordinal INTEGER NOT NULL,
            -- link, quote or card
            relation TEXT NOT NULL,
            -- as it was found, without what must not be kept: what follows is
            -- worked out from it, anew when the rules change
            href TEXT NOT NULL,
            -- canonical, without the place within the page
            url TEXT NOT NULL,
            -- the place within the page: /3 for a post, #backup for a section
            anchor TEXT NOT NULL,
            -- url, with what the config folds (versions of a page) folded
            link_key TEXT NOT NULL,
            -- of a forum's short address of a post, which names no topic
            post_id INTEGER,
            text TEXT NOT NULL,
            -- asker, helper, staff or page
            role TEXT NOT NULL,
            author_id INTEGER,
            created_at TEXT,
            PRIMARY KEY (document_id, part_number, ordinal)
        ) WITHOUT ROWID;
        CREATE INDEX links_key ON links (link_key);
        CREATE INDEX links_post ON links (post_id) WHERE post_id IS NOT NULL;

        -- what was learned of a category's posts, and when; its stamp is part of
        -- the chunker's of each of its threads, and empty without templates
        CREATE TABLE template_sets (
            source TEXT NOT NULL,
            category TEXT NOT NULL,
            stamp TEXT NOT NULL,
            learner TEXT NOT NULL,
            documents INTEGER NOT NULL,
            learned_at TEXT NOT NULL,
            PRIMARY KEY (source, category)
        ) WITHOUT ROWID;

        -- the lines that many of its posts share, in the form they are compared in
        CREATE TABLE templates (
            source TEXT NOT NULL,
            category TEXT NOT NULL,
            -- opening or reply
            scope TEXT NOT NULL,
            line TEXT NOT NULL,
            PRIMARY KEY (source, category, scope, line)
        ) WITHOUT ROWID;
        """,
    )


@MIGRATIONS(name="003_ranking")
def _ranking(db: Database) -> None:
    _run(
        db,
        """
        -- what ranking reads of parts: rows hold their bodies, which it must not read
        CREATE INDEX parts_order
            ON parts (document_id, number, author_id, external_id, likes);
        -- with the column that it is about: else SQLite would look it up in the row
        CREATE INDEX parts_accepted ON parts (document_id, number, accepted)
            WHERE accepted;
        -- the question of a thread, without going through its replies
        CREATE INDEX passages_opening ON passages (document_id, ordinal) WHERE opening;
        """,
    )


@MIGRATIONS(name="004_resources")
def _resources(db: Database) -> None:
    _run(
        db,
        """
        -- what the versions of a page share, and whether this one is searched
        ALTER TABLE documents ADD COLUMN page TEXT NOT NULL DEFAULT '';
        ALTER TABLE documents ADD COLUMN current INTEGER NOT NULL DEFAULT 1;
        -- its page is not in the current version of what it belongs to any more
        ALTER TABLE documents ADD COLUMN outdated INTEGER NOT NULL DEFAULT 0;
        -- JSON, see `kb.store.details`
        ALTER TABLE documents ADD COLUMN details TEXT NOT NULL DEFAULT '';
        ALTER TABLE documents ADD COLUMN expires_at TEXT;
        CREATE INDEX documents_page ON documents (source, page) WHERE page != '';
        CREATE INDEX documents_past ON documents (source) WHERE NOT current;

        -- where within its document a part is, and what it is called
        ALTER TABLE parts ADD COLUMN anchor TEXT NOT NULL DEFAULT '';
        ALTER TABLE parts ADD COLUMN heading TEXT NOT NULL DEFAULT '';
        ALTER TABLE loose_parts ADD COLUMN anchor TEXT NOT NULL DEFAULT '';
        ALTER TABLE loose_parts ADD COLUMN heading TEXT NOT NULL DEFAULT '';

        -- what was asked of websites, and what became of the answer
        CREATE TABLE fetches (
            source TEXT NOT NULL,
            url TEXT NOT NULL,
            -- with these the next request asks only for what changed
            etag TEXT NOT NULL,
            last_modified TEXT NOT NULL,
            -- of lists (sitemaps, feeds, an API), whose answers must be at hand again,
            -- unlike those of pages
            body BLOB,
            -- key of the document it became; empty if it became none, and why not
            key TEXT NOT NULL,
            reason TEXT NOT NULL,
            -- what a list told of it, and settings that it was read with
            stamp TEXT NOT NULL,
            content_hash TEXT NOT NULL,
            checked_at TEXT NOT NULL,
            -- failures in a row, and since when
            failures INTEGER NOT NULL,
            failed_at TEXT,
            PRIMARY KEY (source, url)
        ) WITHOUT ROWID;
        CREATE INDEX fetches_key ON fetches (source, key);
        CREATE INDEX fetches_content ON fetches (source, content_hash);

        -- whether what may be suggested still answers
        CREATE TABLE targets (
            document_id INTEGER PRIMARY KEY
                REFERENCES documents ON DELETE CASCADE,
            url TEXT NOT NULL,
            checked_at TEXT NOT NULL,
            -- why nobody must be led to it; empty while it is alive
            problem TEXT NOT NULL,
            -- since when it is dead
            dead_at TEXT
        );
        """,
    )


@MIGRATIONS(name="005_languages")
def _languages(db: Database) -> None:
    _run(
        db,
        """
        -- what the translations of a page share
        ALTER TABLE documents ADD COLUMN work TEXT NOT NULL DEFAULT '';
        CREATE INDEX documents_work ON documents (source, work) WHERE work != '';

        -- what a unit (a key, a text that was translated, a row) says in a language
        CREATE TABLE parallel_texts (
            source TEXT NOT NULL,
            file TEXT NOT NULL,
            unit TEXT NOT NULL,
            -- as its file has it: fr, pt-BR
            language TEXT NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (source, file, unit, language)
        ) WITHOUT ROWID;
        -- with all that is asked of a unit, which its files may say between them
        CREATE INDEX parallel_units
            ON parallel_texts (source, unit, language, text);
        """,
    )
    db.conn.execute("INSERT INTO meta VALUES ('parallel', '0')")


@MIGRATIONS(name="006_manners")
def _manners(db: Database) -> None:
    _run(
        db,
        """
        ALTER TABLE decisions ADD COLUMN author_id INTEGER;
        ALTER TABLE decisions ADD COLUMN language TEXT;
        -- when it is decided: people come first, and edits settle
        ALTER TABLE decisions ADD COLUMN due_at TEXT;
        -- of the topic's words, by which a material edit is told
        ALTER TABLE decisions ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
        -- when it was claimed, then when it was sent: quotas count from it
        ALTER TABLE decisions ADD COLUMN sent_at TEXT;
        -- when the reply was last looked after
        ALTER TABLE decisions ADD COLUMN looked_at TEXT;
        -- of a first post that is left out: whose the topic is
        ALTER TABLE left_out ADD COLUMN author_id INTEGER;
        -- since when this ledger knows what the bot does
        ALTER TABLE watches ADD COLUMN began_at TEXT;
        UPDATE watches SET began_at = coalesce((SELECT min(decided_at)
            FROM decisions WHERE decisions.forum = watches.forum), updated_at);
        UPDATE decisions SET sent_at = updated_at
            WHERE state IN ('claimed', 'posted', 'queued', 'refused');
        CREATE INDEX decisions_due ON decisions (forum, state, due_at);
        CREATE INDEX decisions_sent ON decisions (forum, sent_at)
            WHERE sent_at IS NOT NULL;

        -- what the bot writes beside its replies (drafts to approve, answers to
        -- messages, notices to moderators): each at most once, as replies are
        CREATE TABLE messages (
            forum TEXT NOT NULL,
            -- draft, answer or notice
            purpose TEXT NOT NULL,
            key TEXT NOT NULL,
            -- claimed, sent, failed or closed
            state TEXT NOT NULL,
            body TEXT NOT NULL,
            -- where it stands, once it is sent
            topic_id INTEGER,
            post_id INTEGER,
            at TEXT NOT NULL,
            -- of an answer: a hash of who is answered; nobody is answered for ever
            asker TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (forum, purpose, key)
        ) WITHOUT ROWID;

        -- how far each private message to the bot was read
        CREATE TABLE inbox (
            forum TEXT NOT NULL,
            topic_id INTEGER NOT NULL,
            post_number INTEGER NOT NULL,
            PRIMARY KEY (forum, topic_id)
        ) WITHOUT ROWID;

        -- what people made of a reply; one row for each person and way of saying it
        CREATE TABLE feedback (
            forum TEXT NOT NULL,
            topic_id INTEGER NOT NULL,
            -- like, reaction, solution, flag, removal or word
            kind TEXT NOT NULL,
            -- 0 where the forum does not say who
            user_id INTEGER NOT NULL,
            -- 1: it helped; -1: it did not; 0: neither
            value INTEGER NOT NULL,
            staff INTEGER NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (forum, topic_id, kind, user_id)
        ) WITHOUT ROWID;
        CREATE INDEX feedback_at ON feedback (forum, at);

        -- members who want less of us; without their names
        CREATE TABLE members (
            forum TEXT NOT NULL,
            name_hash TEXT NOT NULL,
            -- 0: not known, and the name alone tells whose it is
            user_id INTEGER NOT NULL,
            -- 0: is never answered, nor suggested as a helper
            answers INTEGER NOT NULL,
            -- 0: nothing of theirs is held
            indexed INTEGER NOT NULL,
            -- message, field or operator
            origin TEXT NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (forum, name_hash, user_id)
        ) WITHOUT ROWID;
        CREATE INDEX members_id ON members (forum, user_id);

        -- while there is a row the bot posts nothing
        CREATE TABLE pauses (
            forum TEXT PRIMARY KEY,
            reason TEXT NOT NULL,
            -- operator, staff or precision
            origin TEXT NOT NULL,
            at TEXT NOT NULL
        ) WITHOUT ROWID;

        -- deliveries of webhooks that were taken, by a hash of id and body
        CREATE TABLE deliveries (
            source TEXT NOT NULL,
            mark BLOB NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (source, mark)
        ) WITHOUT ROWID;
        CREATE INDEX deliveries_at ON deliveries (at);
        """,
    )


@MIGRATIONS(name="007_report")
def _report(db: Database) -> None:
    _run(
        db,
        """
        -- what moderators say of topics; forum is the source that holds the topic
        CREATE TABLE verdicts (
            forum TEXT NOT NULL,
            topic_id INTEGER NOT NULL,
            -- not_a_question, or question: it was taken back at that time
            verdict TEXT NOT NULL,
            -- operator or staff
            origin TEXT NOT NULL,
            at TEXT NOT NULL,
            PRIMARY KEY (forum, topic_id)
        ) WITHOUT ROWID;

        -- where members are from, of those alone who are suggested as helpers
        CREATE TABLE profiles (
            source TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            name TEXT NOT NULL,
            -- empty: the profile does not tell
            region TEXT NOT NULL,
            fetched_at TEXT NOT NULL,
            PRIMARY KEY (source, user_id)
        ) WITHOUT ROWID;
        """,
    )


@MIGRATIONS(name="008_search")
def _search(db: Database) -> None:
    _run(
        db,
        """
        -- who may search more than everybody; the keys themselves are not kept
        CREATE TABLE api_keys (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            hash BLOB NOT NULL UNIQUE,
            -- JSON, see `kb.store.keys`
            scopes TEXT NOT NULL,
            created_at TEXT NOT NULL,
            revoked_at TEXT
        );

        -- how much was searched; days are those of UTC
        CREATE TABLE search_days (
            day TEXT PRIMARY KEY,
            searches INTEGER NOT NULL,
            in_vain INTEGER NOT NULL,
            -- searches in vain that search_misses names under this day
            told INTEGER NOT NULL
        ) WITHOUT ROWID;

        -- what many different people searched in vain; see `kb.instant.searched`
        CREATE TABLE search_misses (
            -- of the last search: others may be of days before
            day TEXT NOT NULL,
            query TEXT NOT NULL,
            people INTEGER NOT NULL,
            times INTEGER NOT NULL,
            PRIMARY KEY (day, query)
        ) WITHOUT ROWID;

        -- whether documents that were found helped, by nobody in particular
        CREATE TABLE search_feedback (
            document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
            day TEXT NOT NULL,
            helped INTEGER NOT NULL,
            not_helped INTEGER NOT NULL,
            PRIMARY KEY (document_id, day)
        ) WITHOUT ROWID;
        CREATE INDEX search_feedback_day ON search_feedback (day);
        """,
    )
