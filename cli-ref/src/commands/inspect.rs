//! `sessctl inspect`: everything about one session, as JSON (S0.27).

use serde_json::json;
use session_core::Result;

use super::Context;
use crate::args::Inspect;

pub(super) async fn run(context: &Context, arguments: &Inspect) -> Result<u8> {
    let inspection = context.manager.inspect(&arguments.name).await?;
    let record = &inspection.record;
    let mut document = json!({
        "record": record,
        "directory": record.spec.directory,
    });
    match &inspection.status {
        Ok(status) => document["observed"] = json!(status),
        Err(reason) => document["observed"] = json!({ "status": "unknown", "reason": reason }),
    }
    document["agent"] = json!(context.manager.facts(&record.id).await?);
    if matches!(&inspection.status, Ok(status) if status.is_running()) {
        // Not every backend can measure.
        if let Ok(stats) = context.manager.stats(&record.id).await {
            document["usage"] = json!(stats.usage);
        }
    }
    if arguments.unsaved {
        document["unsaved"] = json!(context.manager.unsaved(&record.id).await?);
    }
    context.ui.document(&document);
    Ok(0)
}
