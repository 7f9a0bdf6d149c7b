-- Accounts and their one live session; characters with what they own, their fencing rows, the ledger, the item log, grants and
-- idempotency records; regions; documents. Ids are UUIDs of 16 bytes, times are milliseconds since 1970, coins are copper pieces.

-- accounts -----------------------------------------------------------------------------------------------------------------------

CREATE TABLE accounts (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    login_name      TEXT    UNIQUE,                                     -- lower case; NULL: signs in by device
    password_hash   TEXT,                                               -- PHC form
    request         BLOB    CHECK (length(request) = 16),               -- the request that made it
    session_epoch   INTEGER NOT NULL DEFAULT 0 CHECK (session_epoch >= 0),
    failed_attempts INTEGER NOT NULL DEFAULT 0 CHECK (failed_attempts BETWEEN 0 AND 4294967295), -- in a row
    locked_until_ms INTEGER NOT NULL DEFAULT 0 CHECK (locked_until_ms >= 0),
    created_at_ms   INTEGER NOT NULL CHECK (created_at_ms >= 0),
    CHECK ((login_name IS NULL) = (password_hash IS NULL) AND (login_name IS NULL) = (request IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER accounts_epoch_only_rises BEFORE UPDATE OF session_epoch ON accounts
WHEN NEW.session_epoch < OLD.session_epoch
BEGIN SELECT RAISE(ABORT, 'a session epoch only rises'); END;

CREATE TABLE devices (
    key_hash BLOB NOT NULL PRIMARY KEY CHECK (length(key_hash) = 32),   -- SHA-256
    account  BLOB NOT NULL REFERENCES accounts (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    account    BLOB    NOT NULL PRIMARY KEY REFERENCES accounts (id),   -- at most one live session for each account
    session    BLOB    NOT NULL UNIQUE CHECK (length(session) = 16),
    epoch      INTEGER NOT NULL CHECK (epoch >= 0),                     -- as at its log-in
    ends_at_ms INTEGER NOT NULL CHECK (ends_at_ms >= 0)
) STRICT, WITHOUT ROWID;

-- All tokens the live session has had: a used one that comes again ends the session.
CREATE TABLE refresh_tokens (
    hash          BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256
    session       BLOB    NOT NULL REFERENCES sessions (session) ON DELETE CASCADE,
    used          INTEGER NOT NULL DEFAULT 0 CHECK (used IN (0, 1)),
    expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms >= 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_session ON refresh_tokens (session);

-- regions ------------------------------------------------------------------------------------------------------------------------

CREATE TABLE regions (
    key   TEXT    NOT NULL PRIMARY KEY,                                 -- as in regions.csv
    epoch INTEGER NOT NULL CHECK (epoch >= 1)                           -- of the newest start
) STRICT, WITHOUT ROWID;

CREATE TRIGGER regions_epoch_only_rises BEFORE UPDATE OF epoch ON regions
WHEN NEW.epoch < OLD.epoch
BEGIN SELECT RAISE(ABORT, 'a region epoch only rises'); END;

-- characters ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE characters (
    id                BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account           BLOB    NOT NULL CHECK (length(account) = 16),
    name              TEXT    NOT NULL,                                 -- as the player wrote it
    folded_name       TEXT    NOT NULL UNIQUE,                          -- case does not count
    class             TEXT    NOT NULL,
    level             INTEGER NOT NULL CHECK (level BETWEEN 1 AND 255),
    xp                INTEGER NOT NULL CHECK (xp >= 0),
    added_str         INTEGER NOT NULL CHECK (added_str BETWEEN 0 AND 255), -- points spent
    added_dex         INTEGER NOT NULL CHECK (added_dex BETWEEN 0 AND 255),
    added_con         INTEGER NOT NULL CHECK (added_con BETWEEN 0 AND 255),
    added_int         INTEGER NOT NULL CHECK (added_int BETWEEN 0 AND 255),
    added_wis         INTEGER NOT NULL CHECK (added_wis BETWEEN 0 AND 255),
    added_cha         INTEGER NOT NULL CHECK (added_cha BETWEEN 0 AND 255),
    region            TEXT    NOT NULL,                                 -- where it was last saved
    x                 INTEGER NOT NULL CHECK (x BETWEEN -2147483648 AND 2147483647), -- 1/4096 metre
    y                 INTEGER NOT NULL CHECK (y BETWEEN -2147483648 AND 2147483647), -- 1/4096 metre
    hp                INTEGER CHECK (hp BETWEEN 0 AND 4294967295),      -- 0: dead; NULL: never saved
    inventory_version INTEGER NOT NULL CHECK (inventory_version >= 0),
    created_at_ms     INTEGER NOT NULL CHECK (created_at_ms >= 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX characters_account ON characters (account, created_at_ms, id);

-- One row for each character there ever was: it outlives its character, since epochs never fall.
CREATE TABLE fencing (
    character     BLOB    NOT NULL PRIMARY KEY CHECK (length(character) = 16),
    account       BLOB    NOT NULL CHECK (length(account) = 16),
    session_epoch INTEGER NOT NULL CHECK (session_epoch >= 0),          -- of the session that made or last selected it
    selected      INTEGER NOT NULL DEFAULT 0 CHECK (selected IN (0, 1)), -- by the session of that epoch
    owner_epoch   INTEGER NOT NULL DEFAULT 0 CHECK (owner_epoch >= 0),
    owner_region  TEXT    REFERENCES regions (key)                      -- whose living shard owns it; NULL: nobody
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX fencing_one_selected ON fencing (account) WHERE selected = 1;
CREATE INDEX fencing_newest ON fencing (account, session_epoch);
CREATE INDEX fencing_owned ON fencing (owner_region) WHERE owner_region IS NOT NULL;

CREATE TRIGGER fencing_epochs_only_rise BEFORE UPDATE ON fencing
WHEN NEW.session_epoch < OLD.session_epoch OR NEW.owner_epoch < OLD.owner_epoch
BEGIN SELECT RAISE(ABORT, 'fencing epochs only rise'); END;

CREATE TRIGGER fencing_rows_stay BEFORE DELETE ON fencing
BEGIN SELECT RAISE(ABORT, 'a fencing row outlives its character'); END;

-- what characters own ------------------------------------------------------------------------------------------------------------

CREATE TABLE wallets (
    account   TEXT    NOT NULL PRIMARY KEY CHECK (account GLOB 'wallet:*'), -- its name in the ledger
    character BLOB    NOT NULL UNIQUE REFERENCES characters (id),
    copper    INTEGER NOT NULL DEFAULT 0 CHECK (copper BETWEEN 0 AND 1000000000000000)
) STRICT, WITHOUT ROWID;

CREATE TABLE items (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    character  BLOB    NOT NULL REFERENCES characters (id),
    template   TEXT    NOT NULL,                                        -- key in items.csv
    quantity   INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 4294967295),
    worn_in    INTEGER CHECK (worn_in BETWEEN 1 AND 13),                -- slot number; NULL: in the bag
    bound      INTEGER NOT NULL CHECK (bound IN (0, 1)),
    durability INTEGER CHECK (durability BETWEEN 0 AND 4294967295)      -- NULL: cannot wear out
) STRICT, WITHOUT ROWID;

CREATE INDEX items_character ON items (character);
CREATE UNIQUE INDEX items_one_in_a_slot ON items (character, worn_in) WHERE worn_in IS NOT NULL;

-- history: appended to, never changed --------------------------------------------------------------------------------------------

CREATE TABLE item_events (
    seq      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    item     BLOB    NOT NULL CHECK (length(item) = 16),
    template TEXT    NOT NULL,
    owner    BLOB    NOT NULL CHECK (length(owner) = 16),               -- after this line
    delta    INTEGER NOT NULL,                                          -- units that came or (negative) went
    cause    TEXT    NOT NULL CHECK (cause IN ('move', 'bind') OR cause GLOB 'mint:?*' OR cause GLOB 'sink:?*'),
    at_ms    INTEGER NOT NULL CHECK (at_ms >= 0)
) STRICT;

CREATE INDEX item_events_item ON item_events (item);

CREATE TRIGGER item_events_keep BEFORE UPDATE ON item_events
BEGIN SELECT RAISE(ABORT, 'the item log is append-only'); END;
CREATE TRIGGER item_events_stay BEFORE DELETE ON item_events
BEGIN SELECT RAISE(ABORT, 'the item log is append-only'); END;

CREATE TABLE ledger_entries (
    posting BLOB    NOT NULL CHECK (length(posting) = 16),              -- one movement; its lines sum to zero
    line    INTEGER NOT NULL CHECK (line >= 0),
    account TEXT    NOT NULL CHECK (account GLOB 'wallet:?*' OR account GLOB 'mint:?*' OR account GLOB 'sink:?*'),
    copper  INTEGER NOT NULL CHECK (copper <> 0),                       -- negative leaves the account
    at_ms   INTEGER NOT NULL CHECK (at_ms >= 0),
    PRIMARY KEY (posting, line)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_entries_keep BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entries_stay BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

-- names under which a change happens at most once --------------------------------------------------------------------------------

CREATE TABLE requests (
    account BLOB NOT NULL CHECK (length(account) = 16),
    id      BLOB NOT NULL CHECK (length(id) = 16),                      -- UUIDv7: sorts by its time
    digest  BLOB NOT NULL CHECK (length(digest) = 32),                  -- SHA-256 of what was asked
    reply   BLOB NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_time ON requests (id);

CREATE TABLE grants (
    id        BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    character BLOB    NOT NULL CHECK (length(character) = 16),
    reply     BLOB    NOT NULL,
    at_ms     INTEGER NOT NULL CHECK (at_ms >= 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER grants_keep BEFORE UPDATE ON grants
BEGIN SELECT RAISE(ABORT, 'a grant is final'); END;
CREATE TRIGGER grants_stay BEFORE DELETE ON grants
BEGIN SELECT RAISE(ABORT, 'a grant is final'); END;

-- documents ----------------------------------------------------------------------------------------------------------------------

CREATE TABLE documents (
    collection TEXT NOT NULL,
    id         TEXT NOT NULL,
    json       TEXT NOT NULL CHECK (json_valid(json) AND octet_length(json) <= 65536),
    PRIMARY KEY (collection, id)
) STRICT;
