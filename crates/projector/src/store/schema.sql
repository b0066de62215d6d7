-- The read model: every table is drawn from the log alone and can be deleted at any time.
-- Dates are ISO 8601 text in the region's zone; points are integers; money is in fen.

-- How far the log was folded.
CREATE TABLE progress (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    position       INTEGER NOT NULL,  -- last position folded
    effective      INTEGER NOT NULL,  -- events that had an effect
    without_effect INTEGER NOT NULL,  -- events that had none, duplicates included
    duplicates     INTEGER NOT NULL,  -- the same bytes again
    registry       BLOB NOT NULL      -- fold state of agencies, keys and rulebooks
) STRICT;

-- Last position recorded on each day: how a date becomes a position.
CREATE TABLE days (
    day      TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every event id for ever: an id counts once.
CREATE TABLE event_ids (
    id       BLOB PRIMARY KEY,
    position INTEGER NOT NULL,
    digest   BLOB NOT NULL            -- SHA-256 of the bytes
) STRICT, WITHOUT ROWID;

-- Each source's chain.
CREATE TABLE sources (
    source   TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    gaps     INTEGER NOT NULL,        -- open gaps
    state    BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE agencies (
    code          TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    region        TEXT NOT NULL,
    registered_at INTEGER NOT NULL,   -- position
    suspended_at  INTEGER,            -- position
    keys          TEXT NOT NULL       -- key ids in force, separated by spaces
) STRICT, WITHOUT ROWID;

CREATE TABLE rulebooks (
    version        TEXT PRIMARY KEY,
    position       INTEGER NOT NULL,
    effective_from TEXT NOT NULL,
    sha256         TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cases (
    id          BLOB PRIMARY KEY,     -- 16 bytes, a ULID
    unit        TEXT NOT NULL,
    unit_name   TEXT NOT NULL,
    reporter    TEXT NOT NULL,
    lead        TEXT,                 -- who handles it; absent while the authority must decide
    category    TEXT NOT NULL,
    severity    TEXT NOT NULL,
    status      TEXT NOT NULL,
    region      TEXT NOT NULL,
    reference   TEXT,                 -- the reporter's own number
    found_on    TEXT NOT NULL,
    recorded_on TEXT NOT NULL,
    closed_on   TEXT,
    incomplete  INTEGER NOT NULL,
    state       BLOB NOT NULL         -- fold state
) STRICT, WITHOUT ROWID;

CREATE TABLE referrals (
    case_id   BLOB NOT NULL,
    slot      INTEGER NOT NULL,       -- order of issue within the case
    id        BLOB NOT NULL,
    issuer    TEXT NOT NULL,
    addressee TEXT NOT NULL,
    role      TEXT NOT NULL,
    status    TEXT NOT NULL,
    issued_on TEXT NOT NULL,
    reminders INTEGER NOT NULL,       -- how often the addressee was reminded
    supervised TEXT,                  -- level at which it is supervised
    PRIMARY KEY (case_id, slot)
) STRICT, WITHOUT ROWID;

-- Terms that run: who owes what by when. The slot is the referral's, or -1 for the rectification order.
CREATE TABLE deadlines (
    case_id     BLOB NOT NULL,
    slot        INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    agency      TEXT NOT NULL,
    due_on      TEXT NOT NULL,
    provisional INTEGER NOT NULL,     -- the calendar of that year was not known
    reminded_on TEXT,                 -- recorded day of the first reminder of this term
    city_on     TEXT,                 -- recorded day from which the city supervises this term
    province_on TEXT,                 -- recorded day from which the province does
    PRIMARY KEY (case_id, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE feedback (
    case_id      BLOB NOT NULL,
    slot         INTEGER NOT NULL,
    id           BLOB NOT NULL,
    referral     BLOB NOT NULL,
    agency       TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    handled_on   TEXT NOT NULL,
    submitted_on TEXT NOT NULL,
    late         INTEGER NOT NULL,
    status       TEXT NOT NULL,
    PRIMARY KEY (case_id, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    unit       TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    region     TEXT NOT NULL,
    trade      TEXT,
    total      INTEGER NOT NULL,      -- sum of all entries, those no longer counted included
    entries    INTEGER NOT NULL,
    cases      INTEGER NOT NULL,
    open_cases INTEGER NOT NULL,
    registered INTEGER NOT NULL,
    incomplete INTEGER NOT NULL,
    state      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
    unit          TEXT NOT NULL,
    number        INTEGER NOT NULL,   -- from 1 in each account
    position      INTEGER NOT NULL,
    cause         BLOB NOT NULL,      -- id of the event
    case_id       BLOB,
    kind          TEXT NOT NULL,
    rule          TEXT NOT NULL,
    rulebook      TEXT NOT NULL,
    points        INTEGER NOT NULL,
    effective_on  TEXT NOT NULL,      -- first day on which it counts
    counted_until TEXT,               -- first day on which it no longer counts
    PRIMARY KEY (unit, number)
) STRICT, WITHOUT ROWID;

-- Who has checked which checkpoint of the log.
CREATE TABLE cosignatures (
    size         INTEGER NOT NULL,    -- how many positions the checkpoint covers
    position     INTEGER NOT NULL,    -- of the event, which has the note
    agency       TEXT NOT NULL,
    keyid        TEXT NOT NULL,
    root         TEXT NOT NULL,       -- base 64
    digest       TEXT,                -- of the state at that position, where the checkpoint names one
    time_seconds INTEGER NOT NULL,    -- since 1970, by the cosigner's clock
    PRIMARY KEY (size, position)
) STRICT, WITHOUT ROWID;

-- Credit certificates that were issued. The certificate itself is a file elsewhere.
CREATE TABLE certificates (
    id          BLOB PRIMARY KEY,     -- 16 bytes, a ULID
    unit        TEXT NOT NULL,
    issuer      TEXT NOT NULL,
    issued_at   INTEGER NOT NULL,     -- position of the event that issued it
    position    INTEGER NOT NULL,     -- as of which it shows the credit
    sha256      TEXT NOT NULL,        -- of the file
    issued_on   TEXT NOT NULL,
    valid_until TEXT NOT NULL,        -- last day
    purpose     TEXT,
    consent     TEXT,                 -- where the unit's consent is on file
    revoked_at  INTEGER,              -- position; the next three go with it
    revoked_by  TEXT,
    revoked_on  TEXT,
    reason      TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE anomalies (
    number    INTEGER PRIMARY KEY,    -- from 1, in order of position
    position  INTEGER NOT NULL,
    id        BLOB NOT NULL,
    code      TEXT NOT NULL,
    notice    INTEGER NOT NULL,       -- 1 when the event had its effect all the same
    agency    TEXT,
    type      TEXT,
    case_id   BLOB,
    unit      TEXT,
    cause     TEXT NOT NULL           -- JSON
) STRICT;
