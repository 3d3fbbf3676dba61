//! Opening the file: is it ours, is it whole, is it of a version that we know, and is nobody else writing it?

use super::{
    columns::{self, int, uint},
    commit::{COMMITS, Core},
    high::{High, Mark, StoreId},
    keeper::Keeper,
    log::Log,
    schema, trouble,
};
use crate::{Episode, HOST, Instance, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, config::DbConfig, params};
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How a database is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Views beside those of the journal, by name: what each selects. They know the kinds of entries, which the journal does not.
    pub views: Vec<(String, String)>,
}

/// The row of `meta` with the name of the database.
const STORE: &str = "store";

/// How long to wait for somebody who has the file for a moment: `sqlite3` at its work, say.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens or makes a database for writing.
pub(super) fn write(path: &Path, options: &Options) -> Result<Core, StoreError> {
    let empty = !begins(path)?;
    if !empty && !High::beside(path).exists() {
        // Nothing is put beside a file that is somebody else's.
        ours(&reader(path)?, path)?;
    }
    let high = High::open(path)?;
    let mark = high.read();
    let gone = |new| match mark {
        Mark::At { commits, .. } if new => Err(gone(path, commits)),
        _ => Ok(()),
    };
    gone(empty)?;
    let failed = |e: rusqlite::Error| trouble::sqlite(path, &e);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    common(&connection).map_err(failed)?;
    ours(&connection, path)?;
    let new = !made(&connection).map_err(failed)?;
    gone(new)?;
    if new {
        // The tables are there before there is a log, so a log that is lost takes no more than commits. Nothing is synced before
        // there is something to lose: that is the first durable commit's.
        connection.execute_batch("PRAGMA synchronous = OFF").map_err(failed)?;
        make(&mut connection).map_err(failed)?;
    }
    views(&mut connection, options).map_err(failed)?;
    // What is not synced by us is synced by nobody, except around the moving of pages.
    connection.execute_batch(WRITING).map_err(failed)?;
    let pages = Arc::new(AtomicU64::new(0));
    let seen = pages.clone();
    let hook = move |_: &mut rusqlite::hooks::Wal, count: std::os::raw::c_int| {
        seen.store(count.try_into().unwrap_or(0), Ordering::Relaxed);
        Ok(())
    };
    connection.wal_hook(Some(hook)).map_err(failed)?;
    let mut core = Core {
        store: store_id(&connection, path)?,
        commits: commits(&connection, path)?.0,
        path: path.to_owned(),
        high,
        log: Log::of(path),
        pages,
        keeper: Keeper::of(path.to_owned()),
        rows: HashMap::new(),
        // A database without a mark has had no durable commit yet, or lost the mark.
        synced: mark != Mark::None,
        broken: None,
        connection,
    };
    if let Some(what) = missing(&core.connection, path, core.store, &mark)? {
        remember(&mut core, &mark, &what)?;
    }
    Ok(core)
}

const WRITING: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -32768";

/// Opens a database for reading, and gives what is missing of it.
pub(super) fn read(path: &Path) -> Result<(Connection, Option<String>), StoreError> {
    if !begins(path)? {
        let path = path.display().to_string();
        return Err(match High::peek(Path::new(&path)) {
            Mark::At { commits, .. } => gone(Path::new(&path), commits),
            _ => StoreError::NotAStore { path, why: "there is no such file, or it is empty".to_owned() },
        });
    }
    // First the mark: the database is never behind it.
    let mark = High::peek(path);
    let connection = reader(path)?;
    ours(&connection, path)?;
    let store = store_id(&connection, path)?;
    let missing = missing(&connection, path, store, &mark)?;
    Ok((connection, missing))
}

/// One more connection for reading.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let failed = |e: rusqlite::Error| trouble::sqlite(path, &e);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |name: &str, flags| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(name, flags)?;
        common(&connection)?;
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(connection)
    };
    let name = path.to_str().ok_or_else(|| {
        let why = "the name of the data dir is not UTF-8; choose another".to_owned();
        StoreError::Io { path: path.display().to_string(), why }
    })?;
    match open(name, flags) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && !Log::is_used(path) => {
            // A closed database where nothing can be written, not even the index of a log: an archive. Nobody changes it.
            let escaped = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            let name = format!("file:{escaped}?immutable=1");
            open(&name, flags | OpenFlags::SQLITE_OPEN_URI).map_err(failed)
        }
        other => other.map_err(failed),
    }
}

fn common(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(48);
    // The log stays when the file is closed: it is long on purpose, and whoever only reads needs it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF")
}

/// Whether there is something. SQLite would take an empty file for a new one, and throw its log away. The file is not opened
/// for this: to close it again would take away the locks that this process has on it.
fn begins(path: &Path) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        Ok(data) => Ok(data.len() > 0),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(trouble::machine(path, &e)),
    }
}

fn gone(path: &Path, commits: u64) -> StoreError {
    let what =
        format!("the file is missing or empty, and {commits} commits were made to it; bring it back from a copy");
    StoreError::Damaged { path: path.display().to_string(), what }
}

/// Whether it is a database of this program and of a version that it knows; an empty one is as good.
fn ours(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |e: rusqlite::Error| trouble::sqlite(path, &e);
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed);
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).map_err(failed)?;
    let path = path.display().to_string();
    match (application, version) {
        (0, 0) if tables == 0 => Ok(()),
        (schema::APPLICATION, schema::VERSION) => Ok(()),
        (schema::APPLICATION, found) if found > schema::VERSION => {
            Err(StoreError::Newer { path, found, known: schema::VERSION })
        }
        (schema::APPLICATION, found) => {
            Err(StoreError::Damaged { path, what: format!("it says that it is of version {found}, which never was") })
        }
        _ => Err(StoreError::NotAStore { path, why: "it is somebody else's SQLite database".to_owned() }),
    }
}

fn made(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'meta')", [], |row| row.get(0))
}

/// Makes the tables: all in one step.
fn make(connection: &mut Connection) -> rusqlite::Result<()> {
    let step = connection.transaction()?;
    step.execute_batch(schema::TABLES)?;
    let id: Vec<u8> = step.query_row("SELECT randomblob(8)", [], |row| row.get(0))?;
    let put = "INSERT INTO meta VALUES (?1, ?2, ?3)";
    step.execute(put, params![STORE, id, columns::sum_meta(STORE, &id)])?;
    step.execute(put, params![COMMITS, 1, columns::sum_meta(COMMITS, &1u64.to_le_bytes())])?;
    let host = Instance { id: HOST.instance, name: "host".to_owned(), ..Instance::default() };
    columns::write_instance(&mut step.prepare(columns::PUT_INSTANCE)?, &host, true)?;
    let episode = Episode { episode: 0, entries: 0, head: None };
    columns::write_episode(&mut step.prepare(columns::PUT_EPISODE)?, host.id, &episode)?;
    step.pragma_update(None, "application_id", schema::APPLICATION)?;
    step.pragma_update(None, "user_version", schema::VERSION)?;
    step.commit()
}

/// The name of the database.
fn store_id(connection: &Connection, path: &Path) -> Result<StoreId, StoreError> {
    let find = "SELECT value, sum FROM meta WHERE name = ?1";
    let read = connection.query_row(find, [STORE], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?)));
    let (id, sum) = read.map_err(|e| trouble::sqlite(path, &e))?;
    match StoreId::try_from(id.as_slice()) {
        Ok(store) if sum == columns::sum_meta(STORE, &id) => Ok(store),
        _ => {
            let what = "the name of the database is not what was written".to_owned();
            Err(StoreError::Damaged { path: path.display().to_string(), what })
        }
    }
}

/// How many commits the database has, and whether that is what was written.
fn commits(connection: &Connection, path: &Path) -> Result<(u64, bool), StoreError> {
    let find = "SELECT value, sum FROM meta WHERE name = ?1";
    let read = connection.query_row(find, [COMMITS], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    let (count, sum) = read.map_err(|e| trouble::sqlite(path, &e))?;
    let count = uint(count);
    Ok((count, sum == columns::sum_meta(COMMITS, &count.to_le_bytes())))
}

/// What is missing of the database, by the mark beside it.
fn missing(c: &Connection, path: &Path, store: StoreId, mark: &Mark) -> Result<Option<String>, StoreError> {
    let (has, whole) = commits(c, path)?;
    Ok(match mark {
        _ if !whole => Some("the count of commits is not what was written".to_owned()),
        Mark::At { store: other, commits } if *other == store && *commits > has => Some(format!(
            "the last {} of {commits} commits are missing: the log was cut or changed; what is older is whole",
            commits.saturating_sub(has)
        )),
        Mark::Damaged => Some(
            "the mark beside the database is damaged, so nothing says whether the newest commits are all there"
                .to_owned(),
        ),
        _ => None,
    })
}

/// Keeps what was found, and a copy of the log as it was found, before anything is written over it.
fn remember(core: &mut Core, mark: &Mark, what: &str) -> Result<(), StoreError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |e: rusqlite::Error| trouble::sqlite(&path, &e)
    };
    let mut what = what.to_owned();
    if let Mark::At { commits, .. } = mark {
        let log = Log::path(&core.path);
        let copy = PathBuf::from(format!("{}.damaged-{commits}", log.display()));
        if fs::metadata(&log).is_ok_and(|m| m.len() > 0) && fs::copy(&log, &copy).is_ok() {
            what.push_str(&format!("; a copy of the log is {}", copy.display()));
        }
        // From here on, counting goes on behind the mark: a commit to come is not taken for one that was lost.
        core.commits = core.commits.max(*commits);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let found = int(since.as_millis().try_into().unwrap_or(u64::MAX));
    let path = core.path.clone();
    core.transact(|core| {
        let put = core.connection.execute("INSERT INTO damage VALUES (?1, ?2)", params![found, what]);
        put.map(drop).map_err(failed(&path))
    })?;
    core.harden(true)
}

/// Makes the views that are not there, and makes those anew that read otherwise. This counts as no commit: views that are lost are
/// made again.
fn views(connection: &mut Connection, options: &Options) -> rusqlite::Result<()> {
    let ours = schema::VIEWS.iter().map(|(name, select)| (*name, *select));
    let theirs = options.views.iter().map(|(name, select)| (name.as_str(), select.as_str()));
    let mut odd = String::new();
    for (name, select) in ours.chain(theirs) {
        let sql = format!("CREATE VIEW \"{name}\" AS {select}");
        let find = "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = ?1";
        let there: Option<String> = connection.query_row(find, [name], |row| row.get(0)).optional()?;
        if there.as_ref() != Some(&sql) {
            odd.push_str(&format!("DROP VIEW IF EXISTS \"{name}\"; {sql};"));
        }
    }
    if odd.is_empty() {
        return Ok(());
    }
    let step = connection.transaction()?;
    step.execute_batch(&odd)?;
    step.commit()
}
