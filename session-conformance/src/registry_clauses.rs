//! The clauses of a registry, in the order in which they build on each other.

use camino::Utf8PathBuf;
use serde_json::{Value, json};
use session_core::{
    ErrorKind, Filter, Phase, ProjectPlan, RECORD_VERSION, SessionId, SessionName, SessionRecord,
    Strategy,
};

use crate::case::refused;
use crate::clause::{Verdict, ensure};
use crate::registry::{RegistryCase as Case, RegistryClause, record};

macro_rules! registry_clauses {
    ($($name:ident $(writes $writes:literal)?,)*) => {
        &[$(RegistryClause {
            name: stringify!($name),
            writes: false $(|| $writes)?,
            run: |case| Box::pin($name(case)),
        },)*]
    };
}

/// Every clause of the contract of a registry.
pub const REGISTRY_CLAUSES: &[RegistryClause] = registry_clauses![
    fetch_missing_is_not_found,
    insert_stores_the_record,
    find_is_by_exact_name,
    fresh_handle_sees_everything,
    insert_claims_the_name,
    insert_claims_the_id,
    concurrent_inserts_of_one_name,
    update_stores_the_record,
    remove_forgets_the_record,
    update_of_missing_is_not_found,
    update_is_compare_and_swap,
    concurrent_updates_of_one_revision,
    remove_is_idempotent,
    list_is_newest_first,
    list_filters_by_backend,
    list_filters_by_source,
    list_stops_at_the_limit,
    unknown_fields_survive,
    damaged_is_an_error_of_its_own writes true,
    list_survives_damage writes true,
    newer_version_is_shown writes true,
    newer_version_is_never_rewritten writes true,
];

fn name(text: &str) -> Verdict<SessionName> {
    Ok(SessionName::try_from(text.to_owned())?)
}

async fn fetch_missing_is_not_found(case: &Case) -> Verdict {
    let fetched = case.registry.fetch(&SessionId::new()).await;
    refused(fetched, ErrorKind::NotFound, "fetching an id that was never used")?;
    let found = case.registry.find(&name("nobody")?).await;
    refused(found, ErrorKind::NotFound, "finding a name that was never used")
}

async fn insert_stores_the_record(case: &Case) -> Verdict {
    let record = record("whole", 0)?;
    let revision = case.registry.insert(&record).await?;
    let entry = case.registry.fetch(&record.id).await?;
    ensure!(entry.revision == revision, "inserted at {revision:?}, read at {:?}", entry.revision);
    ensure!(entry.record.to_json()? == record.to_json()?, "another record came back");
    Ok(())
}

async fn find_is_by_exact_name(case: &Case) -> Verdict {
    let (lower, upper) = (case.add("one", 0).await?, case.add("One", 1).await?);
    for entry in [&lower, &upper] {
        let found = case.registry.find(&entry.record.name).await?;
        ensure!(found == *entry, "`{}` finds `{}`", entry.record.name, found.record.name);
    }
    let partly = case.registry.find(&name("on")?).await;
    refused(partly, ErrorKind::NotFound, "finding the beginning of a name")
}

async fn fresh_handle_sees_everything(case: &Case) -> Verdict {
    let entry = case.add("seen", 0).await?;
    let fetched = case.fresh().await?.fetch(&entry.record.id).await?;
    ensure!(fetched == entry, "a fresh handle sees another record");
    Ok(())
}

async fn insert_claims_the_name(case: &Case) -> Verdict {
    let first = case.add("taken", 0).await?;
    let second = record("taken", 1)?;
    refused(
        case.fresh().await?.insert(&second).await,
        ErrorKind::AlreadyExists,
        "a second insert of one name",
    )?;
    ensure!(case.registry.find(&first.record.name).await? == first, "the first one has changed");
    let other = case.registry.fetch(&second.id).await;
    refused(other, ErrorKind::NotFound, "fetching what could not be inserted")
}

async fn insert_claims_the_id(case: &Case) -> Verdict {
    let first = case.add("first", 0).await?;
    let mut second = record("second", 1)?;
    second.id = first.record.id;
    let inserted = case.registry.insert(&second).await;
    refused(inserted, ErrorKind::AlreadyExists, "a second insert of one id")?;
    ensure!(case.registry.fetch(&second.id).await? == first, "the first one has changed");
    Ok(())
}

async fn concurrent_inserts_of_one_name(case: &Case) -> Verdict {
    let mut attempts = Vec::new();
    for age in 0..16 {
        let (registry, record) = (case.fresh().await?, record("wanted", age)?);
        attempts.push(tokio::spawn(async move { registry.insert(&record).await }));
    }
    let mut made = 0;
    for attempt in attempts {
        match attempt.await? {
            Ok(_) => made += 1,
            refusal => refused(refusal, ErrorKind::AlreadyExists, "a late insert")?,
        }
    }
    ensure!(made == 1, "{made} of 16 inserts of one name succeeded at the same time");
    case.expect_names(&Filter::default(), &["wanted"]).await
}

async fn update_stores_the_record(case: &Case) -> Verdict {
    let mut entry = case.add("growing", 0).await?;
    entry.record.phase = Phase::Ready;
    let revision = case.registry.update(&entry.record, entry.revision).await?;
    ensure!(revision > entry.revision, "{revision:?} does not follow {:?}", entry.revision);
    let again = case.fresh().await?.fetch(&entry.record.id).await?;
    ensure!(again.record.phase == Phase::Ready, "it is still {:?}", again.record.phase);
    ensure!(again.revision == revision, "updated to {revision:?}, read at {:?}", again.revision);
    Ok(())
}

async fn update_of_missing_is_not_found(case: &Case) -> Verdict {
    let entry = case.add("gone", 0).await?;
    case.registry.remove(&entry.record.id).await?;
    let updated = case.registry.update(&entry.record, entry.revision).await;
    refused(updated, ErrorKind::NotFound, "updating what was removed")?;
    case.expect_names(&Filter::default(), &[]).await
}

async fn update_is_compare_and_swap(case: &Case) -> Verdict {
    let mut entry = case.add("contended", 0).await?;
    entry.record.user = "first".to_owned();
    case.registry.update(&entry.record, entry.revision).await?;
    entry.record.user = "second".to_owned();
    let late = case.fresh().await?.update(&entry.record, entry.revision).await;
    refused(late, ErrorKind::Busy, "an update of a record that has changed")?;
    let user = case.registry.fetch(&entry.record.id).await?.record.user;
    ensure!(user == "first", "a refused update was stored: {user}");
    Ok(())
}

async fn concurrent_updates_of_one_revision(case: &Case) -> Verdict {
    let entry = case.add("contended", 0).await?;
    let mut attempts = Vec::new();
    for number in 0..16 {
        let registry = case.fresh().await?;
        let (mut record, seen) = (entry.record.clone(), entry.revision);
        record.user = format!("number {number}");
        attempts.push(tokio::spawn(async move {
            (record.user.clone(), registry.update(&record, seen).await)
        }));
    }
    let mut stored = Vec::new();
    for attempt in attempts {
        match attempt.await? {
            (user, Ok(_)) => stored.push(user),
            (_, refusal) => refused(refusal, ErrorKind::Busy, "a late update")?,
        }
    }
    ensure!(stored.len() == 1, "{} of 16 updates of one revision succeeded", stored.len());
    let user = case.registry.fetch(&entry.record.id).await?.record.user;
    ensure!(user == stored[0], "`{}` was told that it is stored, `{user}` is", stored[0]);
    Ok(())
}

async fn remove_forgets_the_record(case: &Case) -> Verdict {
    let (entry, other) = (case.add("old", 0).await?, case.add("other", 1).await?);
    case.registry.remove(&entry.record.id).await?;
    let fetched = case.fresh().await?.fetch(&entry.record.id).await;
    refused(fetched, ErrorKind::NotFound, "fetching what was removed")?;
    case.add("old", 2).await?;
    let found = case.registry.fetch(&other.record.id).await?;
    ensure!(found == other, "another record has changed");
    Ok(())
}

async fn remove_is_idempotent(case: &Case) -> Verdict {
    let entry = case.add("old", 0).await?;
    for _ in 0..3 {
        case.registry.remove(&entry.record.id).await?;
    }
    Ok(case.registry.remove(&SessionId::new()).await?)
}

async fn list_is_newest_first(case: &Case) -> Verdict {
    let same = [case.add("same-1", 5).await?, case.add("same-2", 5).await?];
    for (name, age) in [("middle", 4), ("oldest", 9), ("newest", 1)] {
        case.add(name, age).await?;
    }
    // Of two from one moment, the one with the later id is first.
    let mut same: Vec<_> = same.iter().map(|entry| &entry.record).collect();
    same.sort_by_key(|record| std::cmp::Reverse(record.id));
    let (first, second) = (same[0].name.as_str(), same[1].name.as_str());
    let expected = ["newest", "middle", first, second, "oldest"];
    case.expect_names(&Filter::default(), &expected).await
}

async fn list_filters_by_backend(case: &Case) -> Verdict {
    case.add("here", 0).await?;
    let mut elsewhere = record("elsewhere", 1)?;
    elsewhere.spec.backend = "other".to_owned();
    case.registry.insert(&elsewhere).await?;
    let mut filter = Filter::default();
    for (kind, expected) in [("memory", &["here"][..]), ("other", &["elsewhere"]), ("none", &[])] {
        filter.backend = Some(kind.to_owned());
        case.expect_names(&filter, expected).await?;
    }
    Ok(())
}

async fn list_filters_by_source(case: &Case) -> Verdict {
    for (name, sources) in [("a", &["/src/a"][..]), ("both", &["/src/b", "/src/a"]), ("none", &[])]
    {
        let mut record = record(name, 0)?;
        for (number, source) in sources.iter().enumerate() {
            let plan = json!({
                "name": format!("p{number}"), "source": source, "strategy": Strategy::Copy
            });
            record.spec.projects.push(serde_json::from_value::<ProjectPlan>(plan)?);
        }
        case.registry.insert(&record).await?;
    }
    let mut filter = Filter::default();
    for (source, expected) in [("/src/a", &["a", "both"][..]), ("/src/b", &["both"]), ("/src", &[])]
    {
        filter.source = Some(Utf8PathBuf::from(source));
        let mut names = case.names(&filter).await?;
        names.sort();
        ensure!(names == expected, "from {source} are listed {names:?}, not {expected:?}");
    }
    Ok(())
}

async fn list_stops_at_the_limit(case: &Case) -> Verdict {
    for (name, age) in [("third", 3), ("first", 1), ("second", 2)] {
        case.add(name, age).await?;
    }
    let mut filter = Filter::default();
    filter.limit = Some(2);
    case.expect_names(&filter, &["first", "second"]).await?;
    filter.limit = Some(0);
    case.expect_names(&filter, &[]).await
}

/// The record as a document with something that this version does not know.
fn document(record: &SessionRecord, version: u32) -> Verdict<(Vec<u8>, Value)> {
    let mut document: Value = serde_json::from_slice(&record.to_json()?)?;
    document["schema_version"] = json!(version);
    document["of_tomorrow"] = json!({"deep": [1, "two"]});
    Ok((serde_json::to_vec(&document)?, document))
}

async fn unknown_fields_survive(case: &Case) -> Verdict {
    let (bytes, document) = document(&record("keeper", 0)?, RECORD_VERSION)?;
    let record = SessionRecord::from_json(&bytes)?;
    case.registry.insert(&record).await?;
    let mut entry = case.fresh().await?.fetch(&record.id).await?;
    entry.record.user = "another".to_owned();
    case.registry.update(&entry.record, entry.revision).await?;
    let again = case.fresh().await?.find(&record.name).await?.record;
    let stored: Value = serde_json::from_slice(&again.to_json()?)?;
    ensure!(
        stored["of_tomorrow"] == document["of_tomorrow"],
        "what another version wrote is gone: {stored}"
    );
    ensure!(again.user == "another", "the update was not stored");
    Ok(())
}

const DAMAGES: [&[u8]; 4] = [b"", b"null", b"{\"schema_version\": 1, \"id\"", b"\xff\xfe"];

async fn damaged_is_an_error_of_its_own(case: &Case) -> Verdict {
    let id = case.add("broken", 0).await?.record.id;
    for damage in DAMAGES {
        case.fixture.write(&id, damage).await?;
        let fetched = case.fresh().await?.fetch(&id).await;
        refused(fetched, ErrorKind::Damaged, "fetching a damaged record")?;
    }
    Ok(case.registry.remove(&id).await?)
}

async fn list_survives_damage(case: &Case) -> Verdict {
    let id = case.add("broken", 1).await?.record.id;
    case.add("before", 0).await?;
    case.add("after", 2).await?;
    for damage in DAMAGES {
        case.fixture.write(&id, damage).await?;
        case.expect_names(&Filter::default(), &["before", "after"]).await?;
        let list = case.fresh().await?.list(&Filter::default()).await?;
        let damaged: Vec<_> = list.into_iter().filter_map(Result::err).collect();
        ensure!(damaged.len() == 1, "{} damaged records are listed, not 1", damaged.len());
        ensure!(damaged[0].id == Some(id), "the damaged record is listed as {:?}", damaged[0].id);
    }
    Ok(())
}

/// A stored record of a version that only adds to what this one knows.
async fn newer(case: &Case) -> Verdict<SessionRecord> {
    let record = case.add("from-tomorrow", 0).await?.record;
    let (bytes, _) = document(&record, RECORD_VERSION + 1)?;
    case.fixture.write(&record.id, &bytes).await?;
    Ok(record)
}

async fn newer_version_is_shown(case: &Case) -> Verdict {
    let record = newer(case).await?;
    let entry = case.fresh().await?.fetch(&record.id).await?;
    ensure!(entry.record.is_newer(), "it is said to have version {}", entry.record.schema_version);
    ensure!(entry.record.user == record.user, "what is known of it is not shown");
    case.expect_names(&Filter::default(), &["from-tomorrow"]).await
}

async fn newer_version_is_never_rewritten(case: &Case) -> Verdict {
    let record = newer(case).await?;
    let entry = case.fresh().await?.fetch(&record.id).await?;
    let updated = case.registry.update(&entry.record, entry.revision).await;
    refused(updated, ErrorKind::NewerVersion, "updating a record of a newer version")?;
    let entry = case.fresh().await?.fetch(&record.id).await?;
    ensure!(entry.record.is_newer(), "the newer record was rewritten");
    Ok(())
}
