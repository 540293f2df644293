-- Whether the rows were made from the record files once.
CREATE TABLE registry (built INTEGER NOT NULL) STRICT;
INSERT INTO registry (built) VALUES (0);

-- One row for each session. `record` is the document; the other columns are taken from it.
-- `problem` (a document of the schema `error.json`) stands for a record that could not be read.
CREATE TABLE sessions (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT UNIQUE,
    backend    TEXT,
    phase      TEXT,
    sources    TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL, -- nanoseconds since 1970
    revision   INTEGER NOT NULL,
    record     TEXT NOT NULL,
    problem    TEXT
) STRICT;
CREATE INDEX sessions_newest ON sessions (created_at DESC, id DESC);
CREATE INDEX sessions_backend ON sessions (backend, created_at DESC, id DESC);

-- Which sessions have a project from a directory.
CREATE TABLE sources (
    source     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    session    TEXT NOT NULL,
    PRIMARY KEY (source, created_at, session)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER sources_insert AFTER INSERT ON sessions BEGIN
    INSERT OR IGNORE INTO sources (source, created_at, session)
        SELECT value, new.created_at, new.id FROM json_each(new.sources);
END;
CREATE TRIGGER sources_update AFTER UPDATE OF sources, created_at ON sessions
    WHEN old.sources IS NOT new.sources OR old.created_at IS NOT new.created_at
BEGIN
    DELETE FROM sources WHERE session = old.id AND created_at = old.created_at
        AND source IN (SELECT value FROM json_each(old.sources));
    INSERT OR IGNORE INTO sources (source, created_at, session)
        SELECT value, new.created_at, new.id FROM json_each(new.sources);
END;
CREATE TRIGGER sources_delete AFTER DELETE ON sessions BEGIN
    DELETE FROM sources WHERE session = old.id AND created_at = old.created_at
        AND source IN (SELECT value FROM json_each(old.sources));
END;
