//! The schema of the file, as people see it with `sqlite3`: tables, views, version. SPEC.md tells every column.

/// Of `PRAGMA application_id`: "VALJ".
pub(super) const APPLICATION: i64 = 0x5641_4c4a;

/// Of `PRAGMA user_version`. Older versions stay readable; there is none yet.
pub(super) const VERSION: i64 = 1;

pub(super) const TABLES: &str = "
CREATE TABLE meta (
  name TEXT PRIMARY KEY NOT NULL,
  value NOT NULL,
  sum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE damage (
  found INTEGER NOT NULL,
  what TEXT NOT NULL
);
CREATE TABLE instance (
  id INTEGER PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  flow TEXT NOT NULL,
  chain TEXT NOT NULL,
  components BLOB NOT NULL,
  state TEXT NOT NULL,
  detail TEXT NOT NULL,
  step TEXT NOT NULL,
  episode INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  result TEXT NOT NULL,
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  ended INTEGER,
  upgrade BLOB,
  pruned INTEGER NOT NULL,
  sum INTEGER NOT NULL
);
CREATE INDEX instance_open ON instance (chain) WHERE ended IS NULL;
CREATE INDEX instance_ended ON instance (ended) WHERE ended IS NOT NULL;
CREATE TABLE episode (
  instance INTEGER NOT NULL,
  episode INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  head TEXT,
  sum INTEGER NOT NULL,
  PRIMARY KEY (instance, episode)
) WITHOUT ROWID;
CREATE TABLE entry (
  instance INTEGER NOT NULL,
  episode INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key TEXT,
  slot INTEGER NOT NULL,
  time INTEGER NOT NULL,
  block BLOB NOT NULL,
  sum INTEGER NOT NULL,
  PRIMARY KEY (instance, episode, seq)
) WITHOUT ROWID;
CREATE INDEX entry_key ON entry (key) WHERE key IS NOT NULL;
CREATE TABLE waiting (
  instance INTEGER PRIMARY KEY NOT NULL,
  chain TEXT NOT NULL,
  waits BLOB NOT NULL,
  sum INTEGER NOT NULL
);
CREATE TABLE proposal (
  id TEXT PRIMARY KEY NOT NULL,
  instance INTEGER NOT NULL,
  episode INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  step TEXT NOT NULL,
  state TEXT NOT NULL,
  slot INTEGER NOT NULL,
  sum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX proposal_instance ON proposal (instance);
CREATE TABLE block (
  id INTEGER PRIMARY KEY NOT NULL,
  digest BLOB NOT NULL UNIQUE,
  bytes BLOB NOT NULL
);
CREATE TABLE named (
  instance INTEGER NOT NULL,
  block INTEGER NOT NULL,
  PRIMARY KEY (instance, block)
) WITHOUT ROWID;
CREATE INDEX named_block ON named (block);
CREATE TABLE component (
  digest BLOB PRIMARY KEY NOT NULL,
  bytes BLOB NOT NULL
);
";

/// Views: name, and what it selects. One that reads otherwise in the file is replaced.
pub(super) const VIEWS: &[(&str, &str)] = &[
    (
        "timeline",
        "SELECT i.name AS instance, e.episode, e.seq, e.kind, e.key, e.slot, datetime(e.time, 'unixepoch') AS time, length(e.block) AS bytes FROM entry e JOIN instance i ON i.id = e.instance",
    ),
    (
        "instances",
        "SELECT i.id, i.name, i.flow, i.chain, i.state, i.detail, i.step, i.episode, e.entries, datetime(i.created / 1000, 'unixepoch') AS created, datetime(i.changed / 1000, 'unixepoch') AS changed, datetime(i.ended / 1000, 'unixepoch') AS ended, i.outcome, i.result, e.head FROM instance i LEFT JOIN episode e ON e.instance = i.id AND e.episode = i.episode WHERE i.id > 0",
    ),
    ("running_instances", "SELECT * FROM instances WHERE ended IS NULL"),
    ("ended_instances", "SELECT * FROM instances WHERE ended IS NOT NULL"),
    (
        "open_proposals",
        "SELECT p.id, i.name AS instance, p.step, p.state, p.slot FROM proposal p JOIN instance i ON i.id = p.instance WHERE p.state NOT IN ('confirmed', 'expired', 'rejected', 'failed', 'withdrawn')",
    ),
    (
        "waiting_instances",
        "SELECT i.id, i.name, i.chain, i.state, i.detail FROM waiting w JOIN instance i ON i.id = w.instance",
    ),
];
