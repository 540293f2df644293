//! Where an agent's conversations are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Selector;

/// An agent's conversations: files or directories below `${STATE}`, or rows of one database there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Conversation {
    /// Who decides a conversation's id.
    pub id: Choice,
    /// Where a conversation's file is: a path below `${STATE}` in which `*` stands for any part of a name, `?` for one
    /// character, `**` for any directories, and `${CONVERSATION_ID}` for the id. Where a name can be read in several
    /// ways, an id that is a UUID counts, else the shortest one. Without an id in it: what is there as soon as
    /// there is something to go on with.
    pub file: Option<String>,
    /// For files whose names don't have the whole id: where it stands in one of a file's first lines of JSON, as in
    /// [`Selector`]. Of several files with one id the last one that was written to is the conversation.
    pub inside: Option<String>,
    /// Where the agent itself notes in its state which conversations it has opened: a path below `${STATE}` as `file`, of a file for each,
    /// written anew when that one is gone on with. Where conversations are shared, a session knows its own by that.
    pub opened: Option<String>,
    /// Where one of a file's first lines of JSON says which directory the conversation was begun in, as in [`Selector`]: where
    /// conversations are shared, a session on the host knows its own by that as long as it knows no id.
    pub workspace: Option<String>,
    /// Where a file is there before anybody has said anything: lines of which a conversation has one among its first, so
    /// that there is something to go on with.
    pub begun: Vec<Selector>,
    /// Where a conversation that comes from elsewhere is put, so that the agent finds it: a path below `${STATE}`, a
    /// template with `${CONVERSATION_ID}`, `${FILE_NAME}` (what the file was called) and `${PROJECT_KEY}` (the
    /// project's path with a dash for all but letters and digits). Sessions use `arguments.fork` or `arguments.import`
    /// where there is one of these.
    pub import: Option<String>,
    /// Where a conversation is a directory: the file in it that has a line of JSON for each event. Facts are read from that
    /// one, and a directory without it is no conversation.
    pub transcript: Option<String>,
    /// Names in a conversation's directory, with `*` and `?`, by which a process says that it has it open: they stay behind
    /// when it is carried, and go before a session starts, for nothing has it open then.
    pub marks: Vec<String>,
    /// The path of a conversation's id in its own first line, or in the document that a database makes of it. By that a
    /// copy is known whatever it is called; without it, by its name.
    pub own_id: Option<String>,
    /// For agents that keep all conversations in one SQLite database.
    pub database: Option<Database>,
}

/// Conversations in an SQLite database, which is only ever read, and as a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Database {
    /// The database, a path below `${STATE}`; its `-wal` lies beside it.
    pub file: String,
    /// A query that gives a row for each conversation: its id, and when it was last written to (milliseconds since
    /// 1970, or text as of RFC 3339).
    pub conversations: String,
    /// Where the person's own agent has its database, a template.
    #[serde(default)]
    pub host: Option<String>,
    /// A query that makes one document (text) of the conversation `?1`: what `arguments.import` takes in.
    #[serde(default)]
    pub document: Option<String>,
    /// A query that gives a row for each message of the conversation `?1`, the oldest first: its id, which stays the same
    /// wherever the conversation goes. By that it is seen that a copy is there already.
    #[serde(default)]
    pub messages: Option<String>,
}

/// Who decides a conversation's id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Choice {
    /// There are no conversations that could be resumed.
    #[default]
    None,
    /// We do, when it begins.
    Ours,
    /// The agent does; it is read back from the file's name.
    Agent,
}
