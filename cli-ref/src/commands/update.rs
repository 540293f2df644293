//! `sessctl update`: an agent's program, brought up to date.

use serde_json::json;
use session_core::Result;

use super::Context;
use crate::args::Update;
use crate::updates;

pub(super) async fn run(context: &Context, arguments: &Update) -> Result<u8> {
    let profile = context.manager.profiles().find(&arguments.agent)?;
    let (agent, title) = (&profile.name, &profile.title);
    if arguments.silent {
        updates::check_silently(context, profile).await;
        return Ok(0);
    }
    if arguments.check {
        let known = updates::check(context, profile).await?;
        let latest = known.latest.clone().unwrap_or_default();
        if context.ui.json {
            context.ui.document(&json!({
                "agent": agent, "installed": known.installed, "latest": latest,
                "is_old": known.is_old(), "unfit": known.unfit,
            }));
            return Ok(0);
        }
        let old = known.is_old();
        match (known.installed, known.unfit, old) {
            (Some(installed), _, false) => {
                context.ui.line(format!("{title} {installed} is up to date"));
            }
            (installed, Some(reason), true) => {
                let installed = installed.unwrap_or_else(|| "nothing".to_owned());
                context.ui.line(format!("{title}: {installed} is installed; {reason}"));
            }
            (Some(installed), None, true) => context.ui.line(format!(
                "{title} {latest} is out, {installed} is installed; `sessctl update -a {agent}` installs it"
            )),
            (None, _, _) => context.ui.line(format!(
                "{title} is not installed; `sessctl update -a {agent}` installs {latest}"
            )),
        }
        return Ok(0);
    }
    let updated = updates::update(context, profile).await?;
    if context.ui.json {
        context.ui.document(&json!({
            "agent": agent, "from": updated.from, "to": updated.to, "changed": updated.changed,
        }));
    } else if updated.changed {
        let from = updated.from.map(|from| format!(", was {from}")).unwrap_or_default();
        context.ui.line(format!("{title} {} is installed{from}", updated.to));
    } else {
        let version = updated.from.unwrap_or(updated.to);
        context.ui.line(format!("{title} {version} is up to date"));
    }
    Ok(0)
}
